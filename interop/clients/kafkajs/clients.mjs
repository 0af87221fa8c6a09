// Makes clients; kafkajs has gzip itself, the other codecs are plugged in.

import zstd from '@bokuweb/zstd-wasm';
import kafkajs from 'kafkajs';
import lz4 from 'lz4-napi';
import snappy from 'snappy';

import { bootstrap, pause, unique } from './harness.mjs';

const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = kafkajs;

await zstd.init();
CompressionCodecs[CompressionTypes.Snappy] = () => ({ compress: (e) => snappy.compress(e.buffer), decompress: (b) => snappy.uncompress(b) });
CompressionCodecs[CompressionTypes.LZ4] = () => ({ compress: (e) => lz4.compressFrame(e.buffer), decompress: (b) => lz4.decompressFrame(b) });
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (e) => Buffer.from(zstd.compress(e.buffer, 3)),
  decompress: async (b) => Buffer.from(zstd.decompress(b)),
});

export const codecs = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy, lz4: CompressionTypes.LZ4, zstd: CompressionTypes.ZSTD };

export const kafka = new Kafka({
  clientId: 'kafkajs',
  brokers: [bootstrap],
  logLevel: logLevel.ERROR,
  logCreator: () => ({ label, log }) => process.stderr.write(`${label} ${log.message} ${log.error ?? ''}\n`),
  retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
});

export async function withAdmin(use, config) {
  const admin = kafka.admin(config);
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Creates a topic and waits until its partitions are served. */
export async function newTopic(check, numPartitions, configs = {}) {
  const topic = unique('t');
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  await withAdmin(async (admin) => {
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }] });
    await check.eventually(async () => {
      try {
        const offsets = await admin.fetchTopicOffsets(topic);
        return offsets.length === numPartitions ? '' : `the new topic ${topic} has ${offsets.length} partitions`;
      } catch (error) {
        return `the new topic ${topic} is not served: ${error}`;
      }
    });
  });
  return topic;
}

export async function send(topic, messages, { acks = -1, codec = 'none', idempotent = false, ...config } = {}) {
  const producer = kafka.producer({ idempotent, maxInFlightRequests: 1, ...config });
  await producer.connect();
  try {
    return await producer.send({ topic, messages, acks, compression: codecs[codec] });
  } finally {
    await producer.disconnect();
  }
}

/** A group member that commits after every batch. */
export class Member {
  constructor(group, topic, { onRecord = () => {}, commit = true, ...config } = {}) {
    this.topic = topic;
    this.owned = [];
    this.consumer = kafka.consumer({ groupId: group, sessionTimeout: 10_000, heartbeatInterval: 500, rebalanceTimeout: 10_000, maxWaitTimeInMs: 200, ...config });
    this.consumer.on(this.consumer.events.GROUP_JOIN, (e) => (this.owned = e.payload.memberAssignment[topic] ?? []));
    this.consumer.on(this.consumer.events.REBALANCING, () => (this.owned = []));
    this.eachBatch = async ({ batch, heartbeat, isStale }) => {
      if (isStale()) return;
      for (const m of batch.messages) onRecord({ partition: batch.partition, ...m });
      if (commit) {
        const offset = (BigInt(batch.lastOffset()) + 1n).toString();
        await this.consumer.commitOffsets([{ topic, partition: batch.partition, offset }]);
      }
      await heartbeat();
    };
  }

  async start() {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [this.topic], fromBeginning: true });
    await this.consumer.run({ autoCommit: false, eachBatchAutoResolve: true, eachBatch: this.eachBatch });
    return this;
  }

  async leave() {
    await this.consumer.disconnect();
    this.owned = [];
  }
}

/** Reads count records of a topic from its beginning; kafkajs reads only as a member of a group. */
export async function readAll(check, topic, count, config = {}) {
  const got = [];
  const member = await new Member(unique('reader'), topic, { onRecord: (r) => got.push(r), commit: false, ...config }).start();
  try {
    await check.eventually(() => (got.length >= count ? '' : `read ${got.length} of ${count} records of ${topic}`));
    await pause(50);
    check.same(count, got.length, `records of ${topic}`);
    return got;
  } finally {
    await member.leave();
  }
}
