// The lines of the contract (../README.md).

import { createInterface } from 'node:readline';

export const bootstrap = process.env.BOOTSTRAP ?? '';
const only = process.env.CHECKS ?? '';
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

let passed = 0;
let failed = 0;
let uniques = 0;

export class Failed extends Error {}
export class Skipped extends Error {}

export const unique = (prefix) => `${prefix}-${process.pid}-${++uniques}`;
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (line) => process.stdout.write(line.replaceAll('\n', ' ') + '\n');

/** One running check; it knows when its time is over. */
class Check {
  constructor(limitMs) {
    this.deadline = Date.now() + limitMs;
  }

  over() {
    return Date.now() > this.deadline;
  }

  that(holds, otherwise) {
    if (!holds) throw new Failed(otherwise);
  }

  same(want, got, what) {
    const [a, b] = [JSON.stringify(want), JSON.stringify(got)];
    if (a !== b) throw new Failed(`${what}: want ${a}, got ${b}`);
  }

  /** The call must fail with that error of Kafka. */
  async throwsError(type, doing, call) {
    let got = 'no error';
    try {
      await call();
    } catch (error) {
      const inner = error.errors?.[0] ?? error.groups?.[0] ?? error;
      got = inner.type ?? inner.error?.type ?? error.cause?.type ?? String(error);
    }
    this.same(type, got, doing);
  }

  /** Asks until there is no problem left. */
  async eventually(problem) {
    for (;;) {
      const last = await problem();
      if (!last) return;
      if (this.over()) throw new Failed(last);
      await pause(50);
    }
  }

  async restart(how) {
    say('RESTART ' + how);
    const { value } = await answers.next();
    this.that(value === 'OK', 'restart of the node: ' + value);
  }
}

/** Runs body(check); a check that hangs is given up 15 seconds after its limit. */
export async function run(name, limitSeconds, body) {
  if (!name.includes(only)) return;
  let kind = 'PASS';
  let reason = '';
  let timer;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Failed('still running 15 s after its limit')), (limitSeconds + 15) * 1000);
    });
    await Promise.race([body(new Check(limitSeconds * 1000)), late]);
  } catch (error) {
    kind = error instanceof Skipped ? 'SKIP' : 'FAIL';
    const where = error.stack?.split('\n').slice(1, 6).map((l) => l.trim().replace(/\(?file:.*\//, '')).join(' < ') ?? '';
    reason = error instanceof Failed || error instanceof Skipped ? error.message : `${error} ${where}`;
  } finally {
    clearTimeout(timer);
  }
  passed += kind === 'PASS';
  failed += kind === 'FAIL';
  say(`${kind} ${name}` + (reason ? `: ${reason}` : ''));
}

export function finish() {
  say(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
