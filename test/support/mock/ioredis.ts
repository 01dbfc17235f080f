/**
 * Replaces `ioredis` in the tests of test/unit (vitest.config.ts): ioredis-mock, and what devstate needs beyond it. A
 * client connects only to a server that `useMockRedis` has opened; at any other address its connection is refused.
 */
import type { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { type Command, ReplyError } from 'ioredis/built/index.js';
import RedisMock, { type RedisOptions } from 'ioredis-mock';
import { runScript, scriptHash, serverTime } from './scripts.js';
import { TYPE_OF_COMMAND, typeOfValue, type ValueType } from './value-types.js';

export * from 'ioredis/built/index.js';

/** The open connections of each server, by its port. */
export const connections = new Map<number, Set<Redis>>();

/** The members of ioredis-mock's server that its types leave out. */
interface ServerState {
  data: { get(key: string): unknown };
  context: { modifiedKeyEvents: EventEmitter };
}

type Method = (...args: unknown[]) => Promise<unknown>;
type Methods = Record<string, Method>;

/** The scripts that a server knows, by their hash. */
const scriptsOf = new WeakMap<object, Map<string, string>>();

export class Redis extends RedisMock {
  constructor(options: string | RedisOptions, more: RedisOptions = {}) {
    super(mockOptions(options, more));
    // ioredis-mock makes its commands properties of each instance, which hide methods of this class.
    const mock: Methods = { ...(this as unknown as Methods) };
    const method = (name: string) => mock[name] as Method;
    const { data, context } = this as unknown as ServerState;
    context.modifiedKeyEvents.setMaxListeners(0); // each connection listens
    mock.ping = afterMessages(method('ping'));
    mock.srandmember = withListForMissing(method('srandmember'));
    for (const [name, expected] of TYPE_OF_COMMAND) mock[name] = checked(method(name), expected, data);
    Object.assign(this, mock, {
      connect: connectTo(this, method('connect')),
      time: async () => serverTime(),
      type: async (key: string) => typeOfValue(data.get(key)),
      dumpBuffer: async (key: string) => dump(data.get(key)),
      ...scriptCommands(method('eval'), context),
    });
  }

  override async call(name: string, ...args: unknown[]): Promise<unknown> {
    const reply = await (this as unknown as Methods)[name.toLowerCase()]?.(...args);
    return name.toLowerCase() === 'hgetall' ? Object.entries(reply as object).flat() : reply;
  }

  override sendCommand(command: Command): Promise<unknown> {
    const { name, args } = command;
    this.call(name, ...args).then(
      (reply) => command.resolve(reply as never),
      (error) => command.reject(Object.assign(error, { command: { name, args } })),
    );
    return command.promise;
  }

  override disconnect(): void {
    super.disconnect();
    this.status = 'end';
    connections.get(this.options.port as number)?.delete(this);
  }
}

function mockOptions(options: string | RedisOptions, more: RedisOptions): RedisOptions {
  if (typeof options !== 'string') return { ...options, ...more };
  const { hostname, port } = new URL(options);
  return { host: hostname, port: Number(port), ...more };
}

/** A reply comes after the messages that were published before its command was sent. */
function afterMessages(ping: Method): Method {
  return async (...args) => {
    await setImmediate();
    return ping(...args);
  };
}

/** Redis answers with an empty list where ioredis-mock answers with null. */
function withListForMissing(srandmember: Method): Method {
  return async (key, ...count) => (await srandmember(key, ...count)) ?? (count.length > 0 ? [] : null);
}

/** Wraps a command so that it fails, as in Redis, if its key holds a value of another type. */
function checked(method: Method, expected: ValueType, data: ServerState['data']): Method {
  return async (...args) => {
    const found = typeOfValue(data.get(String(args[0])));
    if (found !== 'none' && found !== expected)
      throw new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value');
    return method(...args);
  };
}

function connectTo(redis: Redis, connect: Method): Method {
  redis.status = 'wait';
  return async () => {
    const open = connections.get(redis.options.port as number);
    if (open === undefined) {
      redis.emit('error', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      redis.disconnect();
      throw new Error('Connection is closed.');
    }
    open.add(redis);
    await connect();
    redis.status = 'ready';
  };
}

function scriptCommands(evaluate: Method, server: object): Methods {
  const known = scriptsOf.get(server) ?? new Map<string, string>();
  scriptsOf.set(server, known);
  return {
    eval: async (source, ...rest) => {
      known.set(scriptHash(source as string), source as string);
      return runScript(evaluate, source as string, rest);
    },
    evalsha: async (hash, ...rest) => {
      const source = known.get(hash as string);
      if (source === undefined) throw new ReplyError('NOSCRIPT No matching script. Please use EVAL.');
      return runScript(evaluate, source, rest);
    },
  };
}

/** Returns a value as bytes; equal values give equal bytes. */
function dump(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value instanceof Map || value instanceof Set ? [...value] : value));
}
