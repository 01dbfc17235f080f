/**
 * Sends requests over one connection to Redis. Every request but SUBSCRIBE goes through this class, so that each one
 * ends within the request timeout. A script does nothing after that. All methods but `evaluate` reject with a
 * DevstateError.
 */

import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import { call, type Repeat } from './call.js';
import { ignoreAskingFailures } from './cluster-asking.js';
import { type Connection, commandOptions } from './connection.js';
import type { Link } from './link.js';
import { answerLostError, isNetworkError, isNotSent, notSentError } from './network-errors.js';
import { OnceCommand } from './once-command.js';
import { sendPipeline } from './pipeline.js';
import { toDevstateError, wrongTypeError } from './redis-errors.js';
import { type CommandName, isUnfitting, type RedisRequest, type ReplyOf } from './replies.js';
import { isRetryable, replyCode } from './reply-errors.js';
import { COMMON_ARGS, fitsScript, type Script } from './script-descriptor.js';
import { type ServerReply, sendToServer } from './send-to-server.js';

/** The reply of a script. */
export interface Evaluation {
  /** The server's time at which the script ran, epoch ms. */
  now: number;
  /** What the script replied after the time. */
  reply: unknown[];
  /** Whether an earlier attempt may have run too. */
  isRepeated: boolean;
}

const NOT_AFTER = COMMON_ARGS.indexOf('notAfter');

export class Requests {
  readonly link: Link;
  /** The client for single commands; in a cluster it sends each to the server that holds the command's key. */
  readonly redis: Redis;
  /** The client, if the connection is to a cluster; undefined if it is to one server. */
  readonly cluster: Cluster | undefined;
  readonly connection: Connection;
  /** The longest time that one request may take, ms. */
  readonly requestTimeoutMs: number;

  constructor(link: Link, requestTimeoutMs: number) {
    this.link = link;
    this.connection = link.client;
    this.redis = link.client as Redis; // `Cluster` has the same methods for single commands as `Redis`.
    this.cluster = link.client.isCluster ? (link.client as Cluster) : undefined;
    this.requestTimeoutMs = requestTimeoutMs;
    if (this.cluster) ignoreAskingFailures(this.cluster);
  }

  /** Returns a client for each server that holds keys. In a cluster: for each master found so far, perhaps none yet. */
  servers(): readonly Redis[] {
    return this.cluster?.nodes('master') ?? [this.redis];
  }

  /**
   * Sends a request that is safe to send twice, such as a read. It is sent again after a lost connection, and as long
   * as the server replies that it cannot serve it yet.
   * @param key in a cluster, the key of the request; not given: it is sent although its server may not have answered yet
   * @throws DevstateError CONNECTION: the connection was lost, or the request was refused or had no reply in time
   */
  async send<T>(request: () => Promise<T>, key?: string): Promise<T> {
    try {
      return await call(this.link, { key, repeat: 'read', timeoutMs: this.requestTimeoutMs }, request);
    } catch (error) {
      throw toDevstateError(error);
    }
  }

  /**
   * Sends a read command, and returns its reply.
   * @param command must have a key
   * @throws DevstateError CONNECTION, BAD_RECORD
   */
  async ask<Name extends CommandName>(...command: RedisRequest<Name>): Promise<ReplyOf<Name>> {
    return (await this.sendAndIdentify(command)).reply;
  }

  /**
   * Sends many commands in one round trip, and returns their replies in order. They must be safe to send twice, as
   * reads are. If a command fails because its key holds another Redis type, a DevstateError BAD_RECORD is returned as
   * its reply.
   * @param routingKey in a cluster, TIME and other commands without a key are sent to the server that holds this key
   * @throws DevstateError CONNECTION
   */
  async sendMany(commands: readonly RedisRequest[], routingKey: string): Promise<unknown[]> {
    const replies = await this.send(async () => {
      const outcomes = await sendPipeline(this.connection, commands, routingKey);
      for (const [error] of outcomes)
        if (isRetryable(error) || isNetworkError(error) || isUnfitting(error)) throw error;
      return outcomes;
    }, routingKey);
    return replies.map(([error, reply], i) => {
      if (error === null) return reply;
      if (hasCode(error, 'WRONGTYPE')) return wrongTypeError(commands[i]?.[1]);
      throw toDevstateError(error);
    });
  }

  /**
   * Sends a command, and returns the reply and which server gave it. Scans need the server, because a scan cursor is
   * valid only on the server that gave it.
   * @throws DevstateError CONNECTION, BAD_RECORD
   */
  sendAndIdentify<Name extends CommandName>(
    command: RedisRequest<Name>,
  ): Promise<ServerReply<ReplyOf<Name>>> {
    return this.send(() => sendToServer(this.connection, command));
  }

  /**
   * Runs a script by its hash, or with its source if the server does not have it yet. The script does nothing once the
   * call has ended (argument `notAfter`). Rejects with an error reply as ioredis gives it, not with a DevstateError:
   * `Partition.run` converts it into one that names the key or command that failed.
   * @param args the arguments of the script; the argument `notAfter` is set for each attempt
   * @param deviceCount for how many devices the script is called
   * @param wasSent whether another script, which this one completes, may have done the same already
   */
  async evaluate(
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    deviceCount: number,
    repeat: Exclude<Repeat, 'read'>,
    wasSent = false,
  ): Promise<Evaluation> {
    const { requestTimeoutMs: timeoutMs } = this;
    const rest: (string | number)[] = [keys.length, ...keys, ...args];
    const fits = (reply: unknown) => fitsScript(script, reply, deviceCount);
    let isRepeated = false;
    const [now, ...reply] = await call(
      this.link,
      { key: keys[0], repeat, timeoutMs, isRepeated: wasSent },
      async (attempt) => {
        isRepeated = attempt.isRepeated;
        rest[1 + keys.length + NOT_AFTER] = attempt.notAfter;
        const answer = await this.#sendScript(script, rest, fits);
        attempt.renewClock(Number(answer[0]));
        return answer;
      },
    );
    return { now: Number(now), reply, isRepeated };
  }

  async #sendScript(
    script: Script,
    rest: readonly (string | number)[],
    fits: (reply: unknown) => boolean,
  ): Promise<unknown[]> {
    try {
      return await this.#sendOnce(['evalsha', shaOf(script), ...rest], fits);
    } catch (error) {
      if (!hasCode(error, 'NOSCRIPT')) throw error;
      return await this.#sendOnce(['eval', script.source, ...rest], fits);
    }
  }

  /**
   * Sends a command that ioredis must not send again by itself. Rejects with an error that tells truly whether the
   * command may have been done (`isNotSent`), or with an error reply.
   */
  async #sendOnce(request: RedisRequest, fits: (reply: unknown) => boolean): Promise<unknown[]> {
    const command = new OnceCommand(request, commandOptions(this.connection), fits);
    try {
      return (await this.connection.sendCommand(command)) as unknown[];
    } catch (error) {
      if (!isNetworkError(error)) throw error;
      const mayBeDone = command.end(error);
      if (mayBeDone !== isNotSent(error)) throw error;
      throw mayBeDone ? answerLostError(error) : notSentError(error);
    }
  }
}

function hasCode(error: unknown, code: string): boolean {
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
