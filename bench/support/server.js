/** A redis-server for a part of the bench, and the longest command that it has run. */
import { Redis } from 'ioredis';
import { TTL_MS } from './fleet.js';
import { RawConnection } from './raw.js';

/** From this duration on, commands are in Redis' slow log: low, so that the longest of a run is among them. */
const NOTED_US = 1000;

export class BenchServer {
  #server;
  #opened = [];

  /**
   * @param start `startServer` of src/redis/private-server.ts
   * @param Manager the library's `DeviceStateManager`
   */
  static async start(start, Manager) {
    const noting = ['--slowlog-log-slower-than', String(NOTED_US), '--slowlog-max-len', '10000'];
    return new BenchServer(await start({ port: true, args: noting }), Manager);
  }

  constructor(server, Manager) {
    this.#server = server;
    this.url = server.url;
    /** A directory that is removed with the server, however this process ends. */
    this.dir = server.dir;
    const { hostname, port } = new URL(server.url);
    this.address = { host: hostname, port: Number(port) };
    this.redis = this.client();
    this.manager = new Manager(this.client(), { heartbeatTimeout: TTL_MS / 1000 });
  }

  /** @param db the database; another one holds another fleet on the same server */
  client(db = 0) {
    const client = new Redis({ ...this.address, db });
    this.#opened.push(() => client.disconnect());
    return client;
  }

  async raw() {
    const raw = await RawConnection.open(this.address);
    this.#opened.push(() => raw.close());
    return raw;
  }

  /** Stops the server and closes every connection to it. */
  async stop() {
    for (const close of this.#opened) close();
    await this.#server.stop();
  }
}

/** The longest Redis command of the watched work, and the part of the bench it was in. */
export class Longest {
  us = 0;
  what = `none over ${NOTED_US / 1000} ms`;
  part = '';
  #only;

  /** @param only the only command that counts, in lower case; undefined: all count */
  constructor(only) {
    this.#only = only;
  }

  get ms() {
    return this.us / 1000;
  }

  /** Runs `work` and reads the slow log of the server after it. */
  async watch({ redis }, work) {
    await redis.slowlog('RESET');
    const result = await work();
    for (const [, , us, [name]] of await redis.slowlog('GET', '-1')) {
      const command = name.toLowerCase();
      if (us <= this.us || command === 'slowlog') continue; // the RESET above
      if (this.#only !== undefined && command !== this.#only) continue;
      this.us = us;
      this.what = `${command.toUpperCase()}, ${this.part}`;
    }
    return result;
  }
}

/** The CPU time that the main thread of Redis has used, in ms. */
export async function cpuMs(redis) {
  const info = await redis.info('cpu');
  const seconds = (name) => Number(new RegExp(`^used_cpu_${name}_main_thread:(\\S+)`, 'm').exec(info)[1]);
  return (seconds('user') + seconds('sys')) * 1000;
}
