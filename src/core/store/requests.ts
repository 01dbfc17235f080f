/**
 * Sends requests over one connection to Redis. Every request of src/core goes through this class, so that each one ends
 * within the request timeout. All methods but `evaluate` reject with a DevstateError.
 */

import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import { ignoreAskingFailures } from './cluster-asking.js';
import type { Connection, RedisRequest } from './connection.js';
import { sendPipeline } from './pipeline.js';
import { toDevstateError, wrongTypeError } from './redis-errors.js';
import { isRetryable, replyCode } from './reply-errors.js';
import { requestWithTimeout } from './retry.js';
import type { Script } from './script-descriptor.js';
import { type ServerReply, sendToServer } from './send-to-server.js';

export class Requests {
  /** The client for single commands; in a cluster it sends each to the server that holds the command's key. */
  readonly redis: Redis;
  /** The client, if the connection is to a cluster; undefined if it is to one server. */
  readonly cluster: Cluster | undefined;
  readonly connection: Connection;
  /** The longest time that one request may take, ms. */
  readonly requestTimeoutMs: number;

  constructor(connection: Connection, requestTimeoutMs: number) {
    this.connection = connection;
    this.redis = connection as Redis; // `Cluster` has the same methods for single commands as `Redis`.
    this.cluster = connection.isCluster ? (connection as Cluster) : undefined;
    this.requestTimeoutMs = requestTimeoutMs;
    if (this.cluster) ignoreAskingFailures(this.cluster);
  }

  /** Returns a client for each server that holds keys. In a cluster: for each master found so far, perhaps none yet. */
  servers(): readonly Redis[] {
    return this.cluster?.nodes('master') ?? [this.redis];
  }

  /**
   * Sends one request, and sends it again as long as the server replies that it cannot serve it yet.
   * @throws DevstateError CONNECTION: the connection was lost, or the request was refused or had no reply in time
   */
  async send<T>(request: () => Promise<T>): Promise<T> {
    try {
      return await requestWithTimeout(this.requestTimeoutMs, request);
    } catch (error) {
      throw toDevstateError(error);
    }
  }

  /**
   * Sends many read commands in one round trip, and returns their replies in order. If a command fails because its key
   * holds another Redis type, a DevstateError BAD_RECORD is returned as its reply.
   * @param routingKey in a cluster, TIME and other commands without a key are sent to the server that holds this key
   * @throws DevstateError CONNECTION
   */
  async sendMany(commands: readonly RedisRequest[], routingKey: string): Promise<unknown[]> {
    const replies = await this.send(async () => {
      const outcomes = await sendPipeline(this.connection, commands, routingKey);
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
   * Sends a command, and returns the reply and which server gave it. Scans need the server, because a scan cursor is
   * valid only on the server that gave it.
   * @throws DevstateError CONNECTION, BAD_RECORD
   */
  sendAndIdentify(command: RedisRequest): Promise<ServerReply> {
    return this.send(() => sendToServer(this.connection, command));
  }

  /**
   * Runs a script by its hash, or with its source if the server does not have it yet. Rejects with the error of
   * ioredis, not with a DevstateError: `Partition.run` converts it into one that names the key or command that
   * failed.
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
