/**
 * The master by its name, after Redis' "Guidelines for Redis clients with support for Redis
 * Sentinel". All sentinels are asked at once, so that those which are away with the old
 * master cost no time; who answers first is listened to for as long as the connection
 * stands, because a master that hangs closes none. ioredis' own connector asks one after
 * the other, and hides why they did not answer.
 */
import { connect as connectPlain, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import { DevstateError, quote } from '../core/model/errors.js';
import { networkReason, replyCode, toDevstateError } from '../core/store/redis-errors.js';
import type { Address } from './target-url.js';
import { serverName } from './tls.js';

interface Answer {
  sentinel: Redis;
  master: Address;
}

/** Of the time for connecting: that they did not answer must be known before it is over. */
const ASKING_SHARE = 0.8;

/** For ioredis' option `Connector`; the rest of the options is ioredis' too. */
export class SentinelConnector extends AbstractConnector {
  readonly #options: RedisOptions;
  #sentinels: Redis[] = [];

  constructor(options: unknown) {
    const known = options as RedisOptions;
    super(known.disconnectTimeout ?? 0);
    this.#options = known;
  }

  /** Never rejects, for that would be the client's end: a failure is a stream that is closed. */
  override async connect(): Promise<Socket> {
    this.connecting = true;
    try {
      const { sentinel, master } = await this.#findMaster();
      const stream = this.#open(master);
      this.#followSwitch(sentinel, stream);
      this.stream = stream;
    } catch (error) {
      this.firstError = toDevstateError(error);
      this.stream = new Socket().destroy();
    }
    return this.stream;
  }

  override disconnect(): void {
    super.disconnect();
    for (const sentinel of this.#sentinels) sentinel.disconnect();
  }

  async #findMaster(): Promise<Answer> {
    const { sentinels = [] } = this.#options;
    this.#sentinels = sentinels.map((address) => this.#sentinelAt(address as Address));
    let found: Redis | undefined;
    try {
      const answer = await Promise.any(this.#sentinels.map((sentinel) => this.#ask(sentinel)));
      if (!this.connecting) throw new DevstateError('CONNECTION', 'connection lost');
      found = answer.sentinel;
      return answer;
    } catch (error) {
      throw error instanceof AggregateError ? mostTelling(error.errors) : error;
    } finally {
      for (const sentinel of this.#sentinels) if (sentinel !== found) sentinel.disconnect();
    }
  }

  #sentinelAt({ host, port }: Address): Redis {
    const { tls, connectTimeout = 0 } = this.#options;
    const timeout = Math.ceil(connectTimeout * ASKING_SHARE);
    return new Redis({
      ...{ host, port, connectTimeout: timeout, commandTimeout: timeout },
      ...(tls && { tls: { ...tls, ...serverName(host) } }),
      lazyConnect: true,
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => null,
      disconnectTimeout: 0, // nothing is on its way that somebody waits for
    });
  }

  /** @throws DevstateError */
  async #ask(sentinel: Redis): Promise<Answer> {
    const { name = '', username = 'default', password } = this.#options;
    let cause: unknown;
    sentinel.on('error', (error) => {
      cause = error;
    });
    const where = () => sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name);
    try {
      await sentinel.connect();
      const reply = await where().catch(async (error: Error) => {
        if (replyCode(error.message) !== 'NOAUTH' || !password) throw error;
        await sentinel.auth(username, password); // only to who asks for it
        return where();
      });
      if (Array.isArray(reply))
        return { sentinel, master: { host: String(reply[0]), port: Number(reply[1]) } };
    } catch (error) {
      throw toDevstateError(cause ?? error);
    }
    throw new DevstateError('CONNECTION', `the sentinels know no master ${quote(name)}`, {
      hint: 'the URL names it after the #; SENTINEL MASTERS lists them',
    });
  }

  #open({ host, port }: Address): Socket {
    const { tls } = this.#options;
    const stream = tls
      ? connectTls({ host, port, ...tls, ...serverName(host) })
      : connectPlain({ host, port });
    return stream.once('error', (error) => {
      this.firstError = error;
    });
  }

  #followSwitch(sentinel: Redis, stream: Socket): void {
    const { name } = this.#options;
    sentinel.on('message', (_channel, message: string) => {
      if (message.split(' ', 1)[0] === name) stream.destroy();
    });
    sentinel.subscribe('+switch-master').catch(() => {}); // a loss of the master's connection is noticed anyway
    stream.once('close', () => sentinel.disconnect());
  }
}

/** That of one who answered; else that none did. */
function mostTelling(errors: readonly DevstateError[]): DevstateError {
  const isAway = ({ cause }: DevstateError) => cause instanceof Error && networkReason(cause) !== null;
  const said = errors.find((error) => !isAway(error));
  if (said?.code === 'INTERNAL')
    return new DevstateError('CONNECTION', `what answers there is no sentinel: ${said.message}`, {
      cause: said,
    });
  if (said) return said;
  return new DevstateError('CONNECTION', `no sentinel answers: ${errors[0]?.message}`, {
    hint: 'see whether they run where the URL says',
    cause: errors[0],
  });
}
