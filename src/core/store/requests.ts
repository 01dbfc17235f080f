/**
 * Sends requests over one connection. Every request of the core goes through here, so that each one ends within the
 * request timeout. All methods but `evaluate` reject with a DevstateError.
 */

import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import { ignoreAskingFailures } from './cluster-asking.js';
import type { Command, Connection } from './connection.js';
import { sendPipeline } from './pipeline.js';
import { toDevstateError, wrongTypeError } from './redis-errors.js';
import { isRetryable, replyCode } from './reply-errors.js';
import { requestWithTimeout } from './retry.js';
import type { Script } from './script-descriptor.js';
import { type ServerReply, sendToServer } from './send-to-server.js';

export class Requests {
  /** Sends single commands; in a cluster to the node that holds the command's key. */
  readonly redis: Redis;
  /** Undefined if the connection is to one server. */
  readonly cluster: Cluster | undefined;
  readonly connection: Connection;
  /** The longest that one request may take, ms. */
  readonly requestTimeoutMs: number;

  constructor(connection: Connection, requestTimeoutMs: number) {
    this.connection = connection;
    this.redis = connection as Redis; // a Cluster has the same methods for single commands
    this.cluster = connection.isCluster ? (connection as Cluster) : undefined;
    this.requestTimeoutMs = requestTimeoutMs;
    if (this.cluster) ignoreAskingFailures(this.cluster);
  }

  /** The servers that hold keys. In a cluster: the masters known so far, perhaps none yet. */
  servers(): readonly Redis[] {
    return this.cluster?.nodes('master') ?? [this.redis];
  }

  /**
   * Sends one request, and sends it again while the server replies that it cannot serve it yet.
   * @throws DevstateError CONNECTION: lost, refused, or not answered within the request timeout
   */
  async send<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await requestWithTimeout(this.requestTimeoutMs, request);
    } catch (error) {
      throw toDevstateError(error);
    }
  }

  /**
   * Sends many read commands in one round trip, and returns their replies in order. For a command whose key holds
   * another type of value, the reply is a DevstateError BAD_RECORD.
   * @param timeKey in a cluster, commands without a key (TIME) go to the server that holds this key
   * @throws DevstateError CONNECTION
   */
  async sendMany(commands: readonly Command[], timeKey: string): Promise<unknown[]> {
    const replies = await this.send(async () => {
      const outcomes = await sendPipeline(this.connection, commands, timeKey);
      for (const [error] of outcomes) if (isRetryable(error)) throw error;
      return outcomes;
    });
    return replies.map(([error, reply], i) => {
      if (error === null) return reply;
      if (isReply(error, 'WRONGTYPE')) return wrongTypeError(commands[i]?.[1]);
      throw toDevstateError(error);
    });
  }

  /**
   * Sends a command and says which server replied: a scan cursor is valid on that server only.
   * @throws DevstateError CONNECTION, BAD_RECORD
   */
  sendAndIdentify(command: Command): Promise<ServerReply> {
    return this.send(() => sendToServer(this.connection, command));
  }

  /**
   * Runs a script by its hash, or with its source if the server does not have it yet. Rejects with the error of
   * ioredis, because only the caller knows which keys and commands it may be about.
   */
  async evaluate(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown[]> {
    const rest = [keys.length, ...keys, ...args] as [number, ...(string | number)[]];
    const { redis, requestTimeoutMs } = this;
    try {
      return (await requestWithTimeout(requestTimeoutMs, () =>
        redis.evalsha(shaOf(script), ...rest),
      )) as unknown[];
    } catch (error) {
      if (!isReply(error, 'NOSCRIPT')) throw error;
      return (await requestWithTimeout(requestTimeoutMs, () =>
        redis.eval(script.source, ...rest),
      )) as unknown[];
    }
  }
}

function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && replyCode(error.message) === code;
}

const shas = new Map<string, string>();

function shaOf({ name, source }: Script): string {
  const known = shas.get(name);
  if (known !== undefined) return known;
  const sha = createHash('sha1').update(source).digest('hex');
  shas.set(name, sha);
  return sha;
}
