// Runs kafkajs through the checks of the interop suite.

import { randomBytes } from 'node:crypto';

import kafkajs from 'kafkajs';

import { codecs, kafka, Member, newTopic, readAll, send, withAdmin } from './clients.mjs';
import { bootstrap, finish, pause, run, Skipped, unique } from './harness.mjs';
import { transactionChecks } from './transactions.mjs';

const { AssignerProtocol, ConfigResourceTypes, PartitionAssigners } = kafkajs;
const baseMs = Date.now() - 3_600_000;

const hex = (bytes) => (bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString('hex'));
const flatHeaders = (headers) => Object.entries(headers ?? {}).map(([k, v]) => [k, [v].flat().map(hex)]);
const comparable = (r) => [hex(r.key), hex(r.value), r.timestamp, flatHeaders(r.headers)];

function sameRecords(check, sent, got) {
  check.same(sent.length, got.length, 'number of records');
  sent.forEach((want, i) => {
    check.same(String(i), got[i].offset, `offset of record ${i}`);
    check.same(comparable(want), comparable(got[i]), `record ${i} (key, value, timestamp, headers)`);
  });
}

const record = (value, extra = {}) => ({ partition: 0, key: null, value: Buffer.from(value), timestamp: String(baseMs), ...extra });

function sample(partition, count) {
  return Array.from({ length: count }, (_, i) => ({
    partition,
    key: i % 3 === 0 ? null : Buffer.from(i % 3 === 1 ? '' : `key-${i}`),
    value: i % 5 === 0 ? null : Buffer.from(i % 5 === 1 ? '' : `value ${i} `.repeat(i)),
    timestamp: String(baseMs + 1000 * i),
    headers: Object.fromEntries(Array.from({ length: i % 4 }, (_, h) => [`h${h}`, Buffer.from(String(i))])),
  }));
}

async function codecAndAcks(check, codec, acks) {
  const topic = await newTopic(check, 2);
  const sent = [sample(0, 100), sample(1, 100)];
  const answers = await send(topic, sent.flat(), { codec, acks });
  if (acks !== 0) check.same(['0', '0'], answers.map((a) => a.baseOffset), 'base offsets in the answers');
  const got = await readAll(check, topic, 200);
  for (const p of [0, 1]) sameRecords(check, sent[p], got.filter((r) => r.partition === p));
}

async function headers(check) {
  const topic = await newTopic(check, 1);
  const sent = [record('v', { headers: { same: ['1', '2'], empty: Buffer.alloc(0), bytes: Buffer.from([0, 255, 254, 1]), größe: 'ü' } })];
  await send(topic, sent);
  sameRecords(check, sent, await readAll(check, topic, 1));
}

async function largeRecord(check) {
  const topic = await newTopic(check, 1, { 'max.message.bytes': '5000000' });
  const sent = [record('before'), record(randomBytes(3 << 20)), record('after')];
  for (const r of sent) await send(topic, [r]);
  sameRecords(check, sent, await readAll(check, topic, 3, { maxBytesPerPartition: 65_536, maxBytes: 65_536 }));
}

async function largeRefused(check) {
  const topic = await newTopic(check, 1);
  await check.throwsError('MESSAGE_TOO_LARGE', '2 MB into a topic with the default limit', () => send(topic, [record(randomBytes(2 << 20))]));
  const small = [record('small')];
  await send(topic, small);
  sameRecords(check, small, await readAll(check, topic, 1));
}

async function idempotent(check) {
  const topic = await newTopic(check, 1);
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  try {
    const sends = Array.from({ length: 300 }, (_, i) => producer.send({ topic, messages: [record(String(i))] }));
    const answers = await Promise.all(sends);
    check.same(300, new Set(answers.map((a) => a[0].baseOffset)).size, 'different offsets in the answers');
  } finally {
    await producer.disconnect();
  }
  const got = await readAll(check, topic, 300);
  check.same(300, new Set(got.map((r) => r.value.toString())).size, 'different records');
}

async function offsetsByTime(check) {
  const topic = await newTopic(check, 1);
  await send(topic, Array.from({ length: 50 }, (_, i) => record(String(i), { timestamp: String(baseMs + 1000 * i) })));
  await withAdmin(async (admin) => {
    for (const [what, time, want] of [['before all', -1, '0'], ['the time of a record', 20_000, '20'], ['between two', 20_001, '21'], ['after all', 49_001, '50']]) {
      const [found] = await admin.fetchTopicOffsetsByTimestamp(topic, baseMs + time);
      check.same(want, found.offset, `offset for ${what}`); // kafkajs takes the end where nothing is found
    }
    const [ends] = await admin.fetchTopicOffsets(topic);
    check.same(['0', '50'], [ends.low, ends.high], 'beginning and end');
  });
  const got = [];
  const member = await new Member(unique('g'), topic, { onRecord: (r) => got.push(r), commit: false }).start();
  try {
    member.consumer.seek({ topic, partition: 0, offset: '30' });
    await check.eventually(() => (got.some((r) => r.offset === '49') ? '' : 'the end is not reached'));
    check.that(got.map((r) => r.offset).join().endsWith(Array.from({ length: 20 }, (_, i) => i + 30).join()), `after the seek to 30 came ${got.map((r) => r.offset)}`);
  } finally {
    await member.leave();
  }
}

async function outOfRange(check) {
  const topic = await newTopic(check, 1);
  await send(topic, [record('a'), record('b')]);
  const got = [];
  const member = await new Member(unique('g'), topic, { onRecord: (r) => got.push(r.offset), commit: false }).start();
  try {
    await check.eventually(() => (got.length === 2 ? '' : `read ${got.length} records`));
    member.consumer.seek({ topic, partition: 0, offset: '1000' });
    await check.eventually(() => (got.length === 4 ? '' : `after a seek beyond the end came ${got.slice(2)}`));
    check.same(['0', '1'], got.slice(2), 'offsets after falling back');
  } finally {
    await member.leave();
  }
}

async function autoCreate(check) {
  const topic = unique('auto');
  const sent = [record('v', { partition: undefined })];
  await send(topic, sent);
  sameRecords(check, sent, await readAll(check, topic, 1));
  const { topics } = await withAdmin((admin) => admin.fetchTopicMetadata({ topics: [topic] }));
  check.same(1, topics[0].partitions.length, 'partitions of the topic');
}

/** Waits until every partition has one owner and every member owns some, several times in a row. */
async function settle(check, members, partitions) {
  let good = 0;
  await check.eventually(() => {
    const owners = Array.from({ length: partitions }, (_, p) => [...members].filter(([, m]) => m.owned.includes(p)).map(([name]) => name));
    const idle = [...members].find(([, m]) => m.owned.length === 0);
    if (idle || owners.some((o) => o.length !== 1)) {
      good = 0;
      return idle ? `member ${idle[0]} of ${members.size} owns nothing` : `the owners of partitions are ${JSON.stringify(owners)}`;
    }
    return ++good < 6 ? 'not settled for long enough' : '';
  });
}

async function comeAndGo(check) {
  const [topic, group] = [await newTopic(check, 6), unique('g')];
  const seen = new Map();
  const members = new Map();
  const [moving, settled] = [[], []];
  const onRecord = (r) => seen.set(r.value.toString(), (seen.get(r.value.toString()) ?? 0) + 1);
  const more = async (kind, count, values) => {
    const messages = Array.from({ length: count }, (_, i) => record(`${kind}-${values.length + i}`, { partition: i % 6 }));
    await send(topic, messages);
    values.push(...messages.map((m) => m.value.toString()));
  };
  const missing = (values, when) => {
    const left = values.filter((v) => !seen.has(v));
    return left.length ? `${left.length} not seen ${when}: ${left.slice(0, 5)}` : '';
  };
  try {
    for (const change of ['+a', '+b', '+c', '-a', '-b', '+d']) {
      const name = change.slice(1);
      if (change[0] === '+') {
        members.set(name, await new Member(group, topic, { onRecord }).start());
      } else {
        await members.get(name).leave();
        members.delete(name);
      }
      await more('moving', 30, moving);
      await settle(check, members, 6);
      await check.eventually(() => missing(moving, `after ${change}`));
      await more('settled', 60, settled);
      await check.eventually(() => missing(settled, `while settled after ${change}`));
    }
    const repeated = settled.filter((v) => seen.get(v) > 1);
    check.same([], repeated.slice(0, 5), `${repeated.length} seen more than once though the group was settled`);
  } finally {
    await Promise.all([...members.values()].map((m) => m.leave()));
  }
}

/** An assigner of our own beside kafkajs's only one: the leader gives partition p to member p mod n. */
const everyOther = ({ cluster }) => ({
  name: 'EveryOther',
  version: 1,
  async assign({ members, topics }) {
    const sorted = members.map((m) => m.memberId).sort();
    return sorted.map((memberId, n) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: 1,
        assignment: Object.fromEntries(topics.map((t) => [t, cluster.findTopicPartitionMetadata(t).map((p) => p.partitionId).filter((p) => p % sorted.length === n)])),
      }),
    }));
  },
  protocol: ({ topics }) => ({ name: 'EveryOther', metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics }) }),
});

async function assignor(check, name, assigner) {
  const [topic, group] = [await newTopic(check, 5), unique('g')];
  const members = new Map();
  try {
    for (const m of ['a', 'b']) members.set(m, await new Member(group, topic, { partitionAssigners: [assigner] }).start());
    await settle(check, members, 5);
    const { groups } = await withAdmin((admin) => admin.describeGroups([group]));
    check.same(name, groups[0].protocol, 'assignor of the group');
  } finally {
    await Promise.all([...members.values()].map((m) => m.leave()));
  }
}

async function staticMember() {
  throw new Skipped('kafkajs has no static members');
}

async function resume(check) {
  const [topic, group] = [await newTopic(check, 1), unique('g')];
  await send(topic, Array.from({ length: 20 }, (_, i) => record(String(i))));
  const got = [];
  const first = await new Member(group, topic, { onRecord: (r) => got.push(r), commit: false }).start();
  await check.eventually(() => (got.length === 20 ? '' : `read ${got.length} records`));
  await first.consumer.commitOffsets([{ topic, partition: 0, offset: '12', metadata: 'a note' }]);
  await first.leave();
  const committed = () => withAdmin((admin) => admin.fetchOffsets({ groupId: group, topics: [topic] }));
  const [{ partitions }] = await committed();
  check.same(['12', 'a note'], [partitions[0].offset, partitions[0].metadata], 'what the group committed');
  const again = [];
  const second = await new Member(group, topic, { onRecord: (r) => again.push(r.offset), commit: false }).start();
  try {
    await check.eventually(() => (again.length === 8 ? '' : `the successor read ${again}`));
    check.same('12', again[0], 'first record of the successor');
    await check.throwsError('OFFSET_METADATA_TOO_LARGE', 'metadata of 5000 bytes', () =>
      second.consumer.commitOffsets([{ topic, partition: 0, offset: '13', metadata: 'x'.repeat(5000) }]));
  } finally {
    await second.leave();
  }
}

async function adminTopics(check) {
  const topic = await newTopic(check, 3, { 'retention.ms': '1234567' });
  await withAdmin(async (admin) => {
    const create = (name, extra = {}) => admin.createTopics({ topics: [{ topic: name, numPartitions: 1, replicationFactor: 1, ...extra }] });
    check.same(false, await create(topic), 'create it again'); // kafkajs's way to say TOPIC_ALREADY_EXISTS
    await check.throwsError('INVALID_TOPIC_EXCEPTION', 'an illegal name', () => create('not/legal'));
    await check.throwsError('INVALID_REPLICATION_FACTOR', 'nine replicas', () => create(unique('t'), { replicationFactor: 9 }));
    await check.throwsError('INVALID_PARTITIONS', 'no partition', () => create(unique('t'), { numPartitions: 0 }));
    await check.throwsError('INVALID_CONFIG', 'a wrong config', () => create(unique('t'), { configEntries: [{ name: 'cleanup.policy', value: 'never' }] }));
    const validated = unique('t');
    await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [{ topic: validated, numPartitions: 2, replicationFactor: 1 }] });
    check.that(!(await admin.listTopics()).includes(validated), 'a creation that was only validated made the topic');
    const partitions = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions;
    check.that((await partitions()).every((p) => p.leader >= 0 && p.isr.length === 1), 'a partition has no leader');
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
    await check.throwsError('INVALID_PARTITIONS', 'fewer partitions', () => admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] }));
    await check.eventually(async () => ((await partitions()).length === 5 ? '' : 'the topic does not get 5 partitions'));
    await admin.deleteTopics({ topics: [topic] });
    await check.eventually(async () => ((await admin.listTopics()).includes(topic) ? 'the deleted topic is listed' : ''));
    await check.throwsError('UNKNOWN_TOPIC_OR_PARTITION', 'delete again', () => noRetry((a) => a.deleteTopics({ topics: [topic] })));
  });
}

/** kafkajs repeats some refusals; here the first one counts. */
const noRetry = (use) => withAdmin(use, { retry: { retries: 0 } });

async function adminConfigs(check) {
  const topic = await newTopic(check, 1);
  await withAdmin(async (admin) => {
    const resource = { type: ConfigResourceTypes.TOPIC, name: topic };
    const want = (name, value, isDefault) =>
      check.eventually(async () => {
        const { resources } = await admin.describeConfigs({ resources: [resource], includeSynonyms: true });
        const got = resources[0].configEntries.find((e) => e.configName === name);
        return got.configValue === value && got.isDefault === isDefault ? '' : `${name} is ${JSON.stringify(got)}, want ${value}`;
      });
    const alter = (...configEntries) => admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] });
    await want('retention.ms', '604800000', true);
    await alter({ name: 'retention.ms', value: '3600000' });
    await want('retention.ms', '3600000', false);
    await alter({ name: 'cleanup.policy', value: 'compact' });
    await want('cleanup.policy', 'compact', false);
    await want('retention.ms', '604800000', true); // alterConfigs replaces the whole state
    await check.throwsError('INVALID_CONFIG', 'a value that is no number', () => alter({ name: 'retention.ms', value: 'soon' }));
    await check.throwsError('INVALID_CONFIG', 'an unknown key', () => alter({ name: 'no.such.config', value: '1' }));
    const { brokers } = await admin.describeCluster();
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.BROKER, name: String(brokers[0].nodeId) }] });
    check.that(resources[0].configEntries.length > 100, `the broker has ${resources[0].configEntries.length} configs`);
  });
}

async function adminGroups(check) {
  const [topic, group] = [await newTopic(check, 2), unique('g')];
  const member = await new Member(group, topic).start();
  await withAdmin(async (admin) => {
    try {
      await settle(check, new Map([['m', member]]), 2);
      const { groups } = await admin.listGroups();
      check.same('consumer', groups.find((g) => g.groupId === group)?.protocolType, 'protocol type of the listed group');
      const [described] = (await admin.describeGroups([group])).groups;
      check.same(['Stable', 1], [described.state, described.members.length], 'state and members');
      const [m] = described.members;
      check.same(['kafkajs', '/127.0.0.1'], [m.clientId, m.clientHost], 'client id and host');
      check.same({ [topic]: [0, 1] }, AssignerProtocol.MemberAssignment.decode(m.memberAssignment).assignment, 'assignment');
      await check.throwsError('NON_EMPTY_GROUP', 'delete a group with a member', () => noRetry((a) => a.deleteGroups([group])));
    } finally {
      await member.leave();
    }
    const state = async () => (await admin.describeGroups([group])).groups[0].state;
    await check.eventually(async () => ((await state()) === 'Empty' ? '' : `without members the group is ${await state()}`));
    await admin.deleteGroups([group]);
    await check.throwsError('GROUP_ID_NOT_FOUND', 'delete it again', () => noRetry((a) => a.deleteGroups([group])));
    check.that(!(await admin.listGroups()).groups.some((g) => g.groupId === group), 'the deleted group is listed');
  });
}

async function adminOffsets(check) {
  const [topic, groupId] = [await newTopic(check, 2), unique('g')];
  await send(topic, Array.from({ length: 20 }, (_, i) => record(String(i), { partition: i % 2 })));
  await withAdmin(async (admin) => {
    const offsets = async () => (await admin.fetchOffsets({ groupId, topics: [topic] }))[0].partitions.sort((a, b) => a.partition - b.partition).map((p) => p.offset);
    check.same(['-1', '-1'], await offsets(), 'offsets of a group that is not there');
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '5' }, { partition: 1, offset: '7' }] });
    check.same(['5', '7'], await offsets(), 'offsets');
    await admin.resetOffsets({ groupId, topic, earliest: true });
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic], resolveOffsets: true });
    check.same(['0', '0'], partitions.map((p) => p.offset), 'offsets after a reset to the earliest');
  });
}

async function deleteRecords(check) {
  const topic = await newTopic(check, 1);
  await send(topic, ['0', '1', '2', '3', '4'].map((v) => record(v)));
  await withAdmin(async (admin) => {
    await admin.fetchTopicOffsets(topic); // loads the metadata that deleteTopicRecords takes for granted
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
    const [{ low, high }] = await admin.fetchTopicOffsets(topic);
    check.same(['3', '5'], [low, high], 'beginning and end');
    check.same(['3', '4'], (await readAll(check, topic, 2)).map((r) => r.value.toString()), 'records left');
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] });
    check.same('5', (await admin.fetchTopicOffsets(topic))[0].low, 'beginning after all were deleted');
  });
}

async function cluster(check) {
  const got = await withAdmin((admin) => admin.describeCluster());
  check.same(1, got.brokers.length, 'brokers');
  const [{ nodeId, host, port }] = got.brokers;
  check.same(bootstrap, `${host}:${port}`, 'address of the node');
  check.same(nodeId, got.controller, 'controller');
  check.that(got.clusterId, 'no cluster id');
}

async function restart(check, how) {
  const [topic, group] = [await newTopic(check, 2, { 'retention.ms': '7654321' }), unique('g')];
  const seen = new Set();
  const member = await new Member(group, topic, { onRecord: (r) => seen.add(r.value.toString()) }).start();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  try {
    await settle(check, new Map([['m', member]]), 2);
    let sent = 0;
    let stopping = false;
    const sending = (async () => {
      for (; !stopping; sent++) {
        await producer.send({ topic, messages: [record(String(sent), { partition: sent % 2 })] });
        await pause(1);
      }
    })();
    sending.catch(() => {}); // awaited below
    await check.eventually(() => (sent > 200 ? '' : `sent ${sent}`));
    await check.restart(how);
    const before = sent;
    await check.eventually(() => (sent > before + 200 ? '' : `sent ${sent} of ${before + 200}`));
    stopping = true;
    await sending;
    await check.eventually(() => (seen.size === sent ? '' : `the member saw ${seen.size} of ${sent} records`));
    const got = await readAll(check, topic, sent);
    for (const p of [0, 1]) {
      const numbers = got.filter((r) => r.partition === p).map((r) => Number(r.value));
      check.same(Array.from({ length: numbers.length }, (_, i) => p + 2 * i), numbers, `records of partition ${p}`);
    }
    await withAdmin(async (admin) => {
      await check.eventually(async () => {
        const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
        const total = partitions.reduce((sum, p) => sum + Number(p.offset), 0);
        return total === sent ? '' : `committed ${total} of ${sent} records`;
      });
      const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['retention.ms'] }] });
      check.same('7654321', resources[0].configEntries[0].configValue, 'retention.ms after the restart');
    });
  } finally {
    await producer.disconnect();
    await member.leave();
  }
}

for (const codec of Object.keys(codecs)) {
  for (const [name, acks] of [['0', 0], ['1', 1], ['all', -1]]) {
    await run(`produce/${codec}/acks=${name}`, 30, (c) => codecAndAcks(c, codec, acks));
  }
}
await run('headers', 60, headers);
await run('large/record', 60, largeRecord);
await run('large/refused', 60, largeRefused);
await run('idempotent', 60, idempotent);
await run('offsets/time', 60, offsetsByTime);
await run('offsets/out-of-range', 60, outOfRange);
await run('auto-create', 60, autoCreate);
await run('group/come-and-go', 120, comeAndGo);
await run('group/assignor/RoundRobinAssigner', 60, (c) => assignor(c, 'RoundRobinAssigner', PartitionAssigners.roundRobin));
await run('group/assignor/EveryOther', 60, (c) => assignor(c, 'EveryOther', everyOther));
await run('group/static', 60, staticMember);
await run('group/resume', 60, resume);
await run('admin/topics', 60, adminTopics);
await run('admin/configs', 60, adminConfigs);
await run('admin/groups', 60, adminGroups);
await run('admin/offsets', 60, adminOffsets);
await run('admin/delete-records', 60, deleteRecords);
await run('admin/cluster', 60, cluster);
await run('restart/stop', 120, (c) => restart(c, 'stop'));
await run('restart/kill', 120, (c) => restart(c, 'kill'));
await transactionChecks();
finish();
