/**
 * Writes keys that were read before, without a script, so that nothing is written if they changed meanwhile or the write
 * arrives too late. For devices with a login of their own, which may run no script.
 *
 * Round 1: SET of the fence key with a TTL, WATCH of the fence and the keys, and the reads. Round 2: the writes between
 * MULTI and EXEC. Redis refuses the EXEC if a watched key was written or has expired since. So a write that was delayed
 * in the network or in a stopped server is refused once the fence has expired, or once another attempt has set it again.
 *
 * Redis keeps the watched keys of a connection until its next EXEC, so round 2 is sent on the connection of round 1,
 * and the fenced writes of a connection are made one after the other.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { withTimeout } from '../async/timeouts.js';
import { DevstateError, usageError } from '../model/errors.js';
import { unknownOutcome } from './call.js';
import { nodeOf } from './cluster-keys.js';
import { type Connection, isCluster } from './connection.js';
import { isNetworkError, isNotSent, timedOut } from './network-errors.js';
import { type CommandOutcome, sendPipeline, sendTransaction } from './pipeline.js';
import { asDeviceDenial, toDevstateError, wrongTypeError } from './redis-errors.js';
import { isUnfitting, type RedisRequest } from './replies.js';
import { isRetryable, replyCode } from './reply-errors.js';
import type { Requests } from './requests.js';
import { retryUntilDone } from './retry.js';

export interface FencedWrite<Result> {
  /** The key that expires before the write is too late; in a cluster, in the slot of `keys`. */
  fence: string;
  /** Whether the write may be made again if the connection was lost before the reply of its EXEC. */
  repeat: 'repeatable' | 'once';
  /** The keys that must not change between the reads and the writes. */
  keys: readonly string[];
  reads: readonly RedisRequest[];
  /**
   * Decides from the replies to `reads` what to write, and how the replies to the writes become the result. If it
   * throws, nothing is written. It is called again if the keys changed.
   */
  plan(replies: readonly unknown[]): {
    writes: readonly RedisRequest[];
    /** @param isRepeated whether an earlier attempt may have been made too */
    toResult(replies: readonly unknown[], isRepeated: boolean): Result;
  };
}

/**
 * Reads, plans and writes, again and again until Redis accepts the write.
 * @throws DevstateError CONNECTION: no reply in time, with the outcome `unknown` if the write may have been made; it is
 *   not made after the request timeout. CONFLICT: the keys kept changing. BAD_RECORD: a key holds another Redis type.
 *   USAGE: the client resends commands after a reconnection (its option `autoResendUnfulfilledCommands`), which would
 *   send an unwatched EXEC. And what `plan` throws
 */
export async function writeFenced<Result>(requests: Requests, write: FencedWrite<Result>): Promise<Result> {
  const deadline = performance.now() + requests.requestTimeoutMs;
  const state: FenceState = { isUnknown: false };
  const work = retryUntilDone(requests.requestTimeoutMs, async () => {
    const client = await clientFor(requests, write.fence);
    const done = await inTurn(client, () => attempt(requests, client, write, deadline, state));
    if (done || !state.isUnknown || write.repeat === 'repeatable') return done;
    // Until the deadline a server that comes back may still make the write. So the error is thrown only then.
    await sleep(Math.max(deadline - performance.now(), 0));
    throw unknownOutcome(state.loss);
  });
  try {
    const done = await withTimeout(requests.requestTimeoutMs, work);
    if (done) return done.result;
  } catch (error) {
    if (!state.isUnknown) throw asDeviceDenial(toDevstateError(error));
  }
  throw state.isUnknown ? unknownOutcome(state.loss) : timedOut();
}

/** Returns the client of the server that holds a key. @throws DevstateError USAGE: it resends commands */
async function clientFor(requests: Requests, key: string): Promise<Redis> {
  const { connection } = requests;
  await requests.send(async () => {}, key); // waits until the server of the key has answered
  if (!isCluster(connection)) {
    if (connection.options.autoResendUnfulfilledCommands !== false)
      throw usageError('the role device needs a client with autoResendUnfulfilledCommands: false');
    return connection;
  }
  // The client of a node does not reconnect, and resends nothing: ioredis makes another one instead.
  const node = nodeOf(connection, key);
  if (node) return node;
  throw new DevstateError('CONNECTION', 'no node of the cluster holds the key', { reason: 'CLUSTER_DOWN' });
}

/** What is known of the attempts of a fenced write. */
interface FenceState {
  /** Whether an EXEC was sent whose reply has not come. */
  isUnknown: boolean;
  /** Why the reply will not come, or the error of a reply that does not fit; undefined: the reply may still come. */
  loss?: unknown;
}

/** For each client the last fenced write that was started or waits for its turn. */
const turns = new WeakMap<Redis, Promise<unknown>>();

function inTurn<Result>(client: Redis, work: () => Promise<Result>): Promise<Result> {
  const turn = (turns.get(client) ?? Promise.resolve()).then(work, work);
  turns.set(client, turn);
  return turn;
}

/**
 * Makes one attempt. The fence must be set within the first half of the time left, and its TTL is the length of that
 * half. So it expires before the deadline, and the write is made before the deadline or never.
 * @returns undefined: the keys changed, the fence expired, or the connection was replaced
 */
async function attempt<Result>(
  requests: Requests,
  client: Redis,
  { fence, keys, reads, plan }: FencedWrite<Result>,
  deadline: number,
  state: FenceState,
): Promise<{ result: Result } | undefined> {
  const begin = performance.now();
  const fenceMs = Math.floor((deadline - begin) / 2);
  if (fenceMs < 1) throw timedOut();
  const round1: RedisRequest[] = [['set', fence, '1', 'PX', fenceMs], ['watch', fence, ...keys], ...reads];
  let stream: unknown;
  const replies = await withTimeout(
    fenceMs,
    requests.send(async () => {
      if (performance.now() - begin >= fenceMs) throw timedOut();
      stream = client.stream;
      const outcomes = await sendPipeline(client, round1, fence);
      for (const [error] of outcomes) {
        if (error && replyCode(error.message) === 'READONLY') requests.link.reconnectAfterReadOnly();
        if (isNetworkError(error) || isRetryable(error) || isUnfitting(error)) throw error;
      }
      return outcomes;
    }, fence),
  );
  if (!replies) throw timedOut();
  if (await refreshIfRedirected(requests.connection, replies)) return undefined;
  const [, , ...found] = repliesOf(replies, round1);
  const { writes, toResult } = planOrUnwatch(client, () => plan(found));
  const isRepeated = state.isUnknown;
  let isSent = false;
  const written = await withTimeout(
    deadline - performance.now(),
    requests.send(async () => {
      // `send` calls this again after an error such as LOADING. Redis has forgotten the watched keys by then.
      if (isSent || client.stream !== stream || !isWritable(client)) return null;
      isSent = true;
      state.isUnknown = true;
      try {
        const replies = await sendTransaction(client, writes);
        state.isUnknown = isRepeated;
        return replies;
      } catch (error) {
        const isAnswerLost = isNetworkError(error) && !isNotSent(error);
        state.loss = isAnswerLost || isUnfitting(error) ? error : undefined;
        if (isUnfitting(error)) throw error;
        if (state.loss) return null;
        state.isUnknown = isRepeated;
        if (isNetworkError(error)) return null; // it was not sent
        // The node does not hold the key any more. The next attempt finds the node that does.
        if (isRedirect(error as Error)) return null;
        throw error;
      }
    }),
  );
  if (written === undefined) throw timedOut();
  if (written) return { result: toResult(repliesOf(written, writes), isRepeated) };
  return undefined;
}

/**
 * Returns whether ioredis writes commands at once. Otherwise it may keep them for the next connection, on which no key is
 * watched. A stream may have ended although the client is still `ready`.
 */
function isWritable({ status, stream }: Redis): boolean {
  return status === 'ready' && stream.writable;
}

/** Calls `plan`. If it throws, the server is told to forget the watched keys, because no EXEC follows. */
function planOrUnwatch<Plan>(client: Redis, plan: () => Plan): Plan {
  try {
    return plan();
  } catch (error) {
    client.unwatch().catch(() => {}); // a lost connection has no watched keys
    throw error;
  }
}

/**
 * Returns whether a node of a cluster refused a command because it does not hold the key, or not yet. The slots are then
 * read again. While a slot is moved, a write waits until that is done, because MULTI cannot be redirected.
 */
async function refreshIfRedirected(
  connection: Connection,
  replies: readonly CommandOutcome[],
): Promise<boolean> {
  if (!isCluster(connection)) return false;
  const isRedirected = replies.some(([error]) => error !== null && isRedirect(error));
  if (isRedirected) await new Promise((resolve) => connection.refreshSlotsCache(resolve));
  return isRedirected;
}

/**
 * Returns the replies of a batch. A reply of another Redis type than the command's is an error of the key.
 * @throws the error that the server gave to any of the commands
 */
function repliesOf(outcomes: readonly CommandOutcome[], commands: readonly RedisRequest[]): unknown[] {
  return outcomes.map(([error, reply], i) => {
    if (error === null) return reply;
    throw replyCode(error.message) === 'WRONGTYPE'
      ? wrongTypeError(commands[i]?.[1])
      : toDevstateError(error);
  });
}

function isRedirect({ message }: Error): boolean {
  return /^(MOVED|ASK) /.test(message);
}
