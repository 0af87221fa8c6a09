// The checks of transactions. kafkajs sends offsets in a transaction without saying which member sends them, so a transactional id
// must stay with what it reads, as it had to before Kafka 2.5; consume-transform-produce is a hand-over from one worker to the next.

import { kafka, newTopic, readAll, send, withAdmin } from './clients.mjs';
import { run, unique } from './harness.mjs';

const COMMITTED = { readUncommitted: false };
const UNCOMMITTED = { readUncommitted: true };

const record = (partition, value) => ({ partition, key: null, value });

/** A connected producer; connecting takes the transactional id. */
async function transactional(transactionalId, config = {}) {
  const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1, transactionTimeout: 120_000, ...config });
  await producer.connect();
  return producer;
}

const put = (transaction, topic, partition, ...values) => transaction.send({ topic, acks: -1, messages: values.map((v) => record(partition, v)) });

async function wantRead(check, topic, config, want, when) {
  const count = Object.values(want).flat().length;
  const read = count ? await readAll(check, topic, count, config) : [];
  const got = {};
  for (const r of read) (got[r.partition] ??= []).push(r.value.toString());
  const sorted = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v.length).sort());
  check.same(sorted(want), sorted(got), `${config.readUncommitted ? 'read_uncommitted' : 'read_committed'} ${when}`);
}

/** The error's type in Kafka's words; kafkajs wraps it more than once. */
function typeOf(error) {
  for (let e = error; e; e = e.cause ?? e.originalError) if (e.type) return e.type;
  return String(error);
}

async function wantFenced(check, doing, call) {
  let got = 'no error';
  try {
    await call();
  } catch (error) {
    got = typeOf(error);
  }
  check.that(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'].includes(got), `${doing}: want a fenced producer, got ${got}`);
}

/** Plain records go between those of transactions; they wait for the transaction that is open before them. */
async function commitAndAbort(check) {
  const topic = await newTopic(check, 3);
  const producer = await transactional(unique('x'));
  const [committed, all] = [{ 0: [], 1: [], 2: [] }, { 0: [], 1: [], 2: [] }];
  try {
    for (let t = 0; t < 4; t++) {
      const transaction = await producer.transaction();
      const before = structuredClone(committed);
      for (const p of [0, 1, 2]) {
        const values = [`${t}-${p}-a`, `${t}-${p}-b`];
        await put(transaction, topic, p, ...values);
        all[p].push(...values);
        if (t % 2 === 0) committed[p].push(...values);
      }
      await send(topic, [record(0, `plain-${t}`)]);
      all[0].push(`plain-${t}`);
      committed[0].push(`plain-${t}`);
      await wantRead(check, topic, COMMITTED, before, `while transaction ${t} is open`);
      await wantRead(check, topic, UNCOMMITTED, all, `while transaction ${t} is open`);
      await (t % 2 === 0 ? transaction.commit() : transaction.abort());
      await wantRead(check, topic, COMMITTED, committed, `after transaction ${t}`);
    }
  } finally {
    await producer.disconnect();
  }
}

const committedOffset = (group, topic) =>
  withAdmin(async (admin) => {
    const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    return partitions.find((p) => p.partition === 0)?.offset;
  });

async function wantOffset(check, group, topic, want) {
  await check.eventually(async () => {
    try {
      const got = await committedOffset(group, topic);
      return got === want ? '' : `the group committed ${got}, want ${want}`;
    } catch (error) {
      return `the offset of the group: ${error}`; // while the node comes back
    }
  });
}

/** Offsets that are part of a transaction are there when it commits, not before. */
async function offsets(check) {
  const [topic, group] = [await newTopic(check, 1), unique('g')];
  const producer = await transactional(unique('x'));
  const add = async (offset) => {
    const transaction = await producer.transaction();
    await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions: [{ partition: 0, offset }] }] });
    return transaction;
  };
  try {
    await wantOffset(check, group, topic, '-1');
    const first = await add('5');
    check.same('-1', await committedOffset(group, topic), 'offset while the transaction is open');
    await first.commit();
    await wantOffset(check, group, topic, '5');
    await (await add('9')).abort();
    await wantOffset(check, group, topic, '5');
    const third = await add('7');
    await put(third, topic, 0, 'with offsets');
    await third.commit();
    await wantOffset(check, group, topic, '7');
    await wantRead(check, topic, COMMITTED, { 0: ['with offsets'] }, 'at the end');
  } finally {
    await producer.disconnect();
  }
}

async function empty(check) {
  const topic = await newTopic(check, 1);
  const producer = await transactional(unique('x'));
  try {
    for (let i = 0; i < 10; i++) {
      const transaction = await producer.transaction();
      await (i % 2 === 0 ? transaction.commit() : transaction.abort());
    }
    const transaction = await producer.transaction();
    await put(transaction, topic, 0, 'one');
    await transaction.commit();
    await wantRead(check, topic, COMMITTED, { 0: ['one'] }, 'at the end');
  } finally {
    await producer.disconnect();
  }
}

async function manyPartitions(check) {
  const partitions = 60;
  const topic = await newTopic(check, partitions);
  const producer = await transactional(unique('x'));
  const want = {};
  try {
    for (const value of ['aborted', 'first', 'aborted too', 'second']) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, acks: -1, messages: Array.from({ length: partitions }, (_, p) => record(p, value)) });
      if (value.startsWith('aborted')) {
        await transaction.abort();
        continue;
      }
      for (let p = 0; p < partitions; p++) (want[p] ??= []).push(value);
      await transaction.commit();
    }
  } finally {
    await producer.disconnect();
  }
  await wantRead(check, topic, COMMITTED, want, 'at the end');
}

/** A second producer with the same id aborts what the first had open, and the first can do nothing any more. */
async function fencing(check) {
  const [topic, id] = [await newTopic(check, 1), unique('x')];
  const zombie = await transactional(id);
  const late = await zombie.transaction();
  await put(late, topic, 0, 'zombie');
  const successor = await transactional(id);
  try {
    const transaction = await successor.transaction();
    await put(transaction, topic, 0, 'successor');
    await wantFenced(check, 'a send of the fenced producer', () => put(late, topic, 0, 'late'));
    await wantFenced(check, 'the commit of the fenced producer', () => late.commit());
    await transaction.commit();
    await wantRead(check, topic, COMMITTED, { 0: ['successor'] }, 'at the end');
    await wantRead(check, topic, UNCOMMITTED, { 0: ['zombie', 'successor'] }, 'at the end');
  } finally {
    await zombie.disconnect();
    await successor.disconnect();
  }
}

/** The node aborts a transaction that takes longer than the producer allowed. */
async function timeout(check) {
  const [topic, id] = [await newTopic(check, 1), unique('x')];
  const slow = await transactional(id, { transactionTimeout: 1_000 });
  const transaction = await slow.transaction();
  await put(transaction, topic, 0, 'too slow');
  await send(topic, [record(0, 'behind')]);
  await wantRead(check, topic, COMMITTED, { 0: ['behind'] }, 'after the time of the transaction'); // comes with the abort
  await wantFenced(check, 'the commit of a transaction that timed out', () => transaction.commit());
  const next = await transactional(id);
  try {
    const inTime = await next.transaction();
    await put(inTime, topic, 0, 'in time');
    await inTime.commit();
    await wantRead(check, topic, COMMITTED, { 0: ['behind', 'in time'] }, 'at the end');
  } finally {
    await slow.disconnect();
    await next.disconnect();
  }
}

/** Reads as a member and writes in transactions, a batch each; every third is aborted and read again. */
class Worker {
  constructor(group, id, from, to) {
    Object.assign(this, { group, id, from, to, commits: 0, number: 0, leaveOpen: false, halted: false });
  }

  async start() {
    this.producer = await transactional(this.id);
    this.consumer = kafka.consumer({ groupId: this.group, sessionTimeout: 10_000, heartbeatInterval: 500, maxWaitTimeInMs: 100, readUncommitted: false });
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [this.from], fromBeginning: true });
    await this.consumer.run({ autoCommit: false, eachBatchAutoResolve: false, partitionsConsumedConcurrently: 1, eachBatch: (payload) => this.transform(payload) });
    return this;
  }

  async transform({ batch, resolveOffset, heartbeat, isStale }) {
    if (isStale() || this.halted) return;
    const messages = batch.messages.slice(0, 7);
    const next = (BigInt(messages.at(-1).offset) + 1n).toString();
    const transaction = await this.producer.transaction();
    await put(transaction, this.to, batch.partition, ...messages.map((m) => `${m.value}!`));
    await transaction.sendOffsets({ consumerGroupId: this.group, topics: [{ topic: this.from, partitions: [{ partition: batch.partition, offset: next }] }] });
    if (this.leaveOpen) {
      this.halted = true;
      return;
    }
    if (++this.number % 3 === 0) {
      await transaction.abort(); // nothing is resolved, so the batch comes again
    } else {
      await transaction.commit();
      this.commits++;
      resolveOffset(messages.at(-1).offset);
    }
    await heartbeat();
  }

  async stop() {
    await this.consumer.disconnect();
    await this.producer.disconnect();
  }
}

async function chain(check) {
  const partitions = 3;
  const [from, to, group, id] = [await newTopic(check, partitions), await newTopic(check, partitions), unique('g'), unique('x')];
  let sent = 0;
  const want = {};
  const more = async () => {
    const messages = Array.from({ length: 60 }, (_, i) => record((sent + i) % partitions, String(sent + i)));
    for (const m of messages) (want[m.partition] ??= []).push(`${m.value}!`);
    sent += messages.length;
    await send(from, messages);
  };
  for (const leaveOpen of [true, false, true]) {
    await more();
    const worker = await new Worker(group, id, from, to).start();
    await check.eventually(() => (worker.commits >= 3 ? '' : `a worker committed ${worker.commits} transactions`));
    worker.leaveOpen = leaveOpen;
    await more();
    if (leaveOpen) await check.eventually(() => (worker.halted ? '' : 'a worker leaves no transaction open'));
    await worker.stop();
  }
  const last = await new Worker(group, id, from, to).start();
  try {
    await check.eventually(async () => {
      const [{ partitions: committed }] = await withAdmin((admin) => admin.fetchOffsets({ groupId: group, topics: [from] }));
      const done = committed.reduce((sum, p) => sum + Math.max(0, Number(p.offset)), 0);
      return done === sent ? '' : `the group committed ${done} of ${sent} records`;
    });
  } finally {
    await last.stop();
  }
  await wantRead(check, to, COMMITTED, want, 'of the output');
}

/** A transaction that is open over the restart, with offsets, commits or aborts as a whole. */
async function restart(check, how) {
  const [topic, group] = [await newTopic(check, 2), unique('g')];
  const producers = [await transactional(unique('x')), await transactional(unique('x'))];
  try {
    const [commits, aborts] = [await producers[0].transaction(), await producers[1].transaction()];
    const putAll = async (when) => {
      for (const p of [0, 1]) {
        await put(commits, topic, p, `committed ${when}`);
        await put(aborts, topic, p, `aborted ${when}`);
      }
    };
    await putAll('before');
    await wantOffset(check, group, topic, '-1'); // kafkajs does not send offsets again to a coordinator that is still loading
    await commits.sendOffsets({ consumerGroupId: group, topics: [{ topic, partitions: [{ partition: 0, offset: '3' }] }] });
    await check.restart(how);
    await wantOffset(check, group, topic, '-1'); // the transaction is open
    await putAll('after');
    await aborts.abort();
    await commits.commit();
    await wantOffset(check, group, topic, '3');
    const want = ['committed before', 'committed after'];
    await wantRead(check, topic, COMMITTED, { 0: want, 1: want }, 'after the restart');
  } finally {
    await Promise.all(producers.map((p) => p.disconnect()));
  }
}

export async function transactionChecks() {
  await run('transactions/commit-and-abort', 60, commitAndAbort);
  await run('transactions/offsets', 60, offsets);
  await run('transactions/empty', 60, empty);
  await run('transactions/many-partitions', 60, manyPartitions);
  await run('transactions/fencing', 60, fencing);
  await run('transactions/timeout', 60, timeout);
  await run('transactions/consume-transform-produce', 120, chain);
  await run('transactions/restart/open/stop', 120, (c) => restart(c, 'stop'));
  await run('transactions/restart/open/kill', 120, (c) => restart(c, 'kill'));
}
