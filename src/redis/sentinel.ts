/**
 * Asks sentinels for the address of a master, as Redis' "Guidelines for Redis clients with support for Redis
 * Sentinel" say. All sentinels are asked at once, so that unreachable ones cost no time. The one that answers first
 * stays subscribed to while the connection to the master lasts: a master that hangs does not close its connection, and
 * the sentinel's message about the failover shows earlier than the silence watch that there is a new master. ioredis'
 * own connector is not used, because it asks one sentinel after the other and does not report why they failed.
 */
import type { Socket } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { DevstateError, quote } from '../core/model/errors.js';
import { connectionLost, isNetworkError } from '../core/store/network-errors.js';
import { toDevstateError } from '../core/store/redis-errors.js';
import { unfittingReply } from '../core/store/replies.js';
import { replyCode } from '../core/store/reply-errors.js';
import { openStream, ServerConnector } from './server-connector.js';
import { serverName } from './server-name.js';
import { resetStream } from './sockets.js';
import type { Address } from './target-url.js';

interface Answer {
  sentinel: Redis;
  master: Address;
}

/**
 * The part of the connect timeout within which a sentinel must answer. It must be less than 1: otherwise
 * connecting would end first, with "timed out" instead of "no sentinel answers".
 */
const SENTINEL_TIMEOUT_SHARE = 0.8;

/** Connects ioredis to the master that the sentinels of its options name (option `Connector`). */
export class SentinelConnector extends ServerConnector {
  #sentinels: Redis[] = [];

  override disconnect(): void {
    super.disconnect();
    for (const sentinel of this.#sentinels) sentinel.disconnect();
  }

  protected override async open(signal: AbortSignal): Promise<Socket> {
    const { tls, connectTimeout = 0 } = this.options;
    const { sentinel, master } = await this.#findMaster();
    const options = {
      ...master,
      connectTimeout,
      ...(tls && { tls: { ...tls, ...serverName(master.host) } }),
    };
    try {
      const stream = await openStream(options, signal);
      this.#followSwitch(sentinel, stream);
      return stream;
    } catch (error) {
      sentinel.disconnect();
      throw error;
    }
  }

  async #findMaster(): Promise<Answer> {
    const { sentinels = [] } = this.options;
    this.#sentinels = sentinels.map((address) => this.#sentinelAt(address as Address));
    let found: Redis | undefined;
    try {
      const answer = await Promise.any(this.#sentinels.map((sentinel) => this.#ask(sentinel)));
      if (!this.connecting) throw connectionLost();
      found = answer.sentinel;
      return answer;
    } catch (error) {
      throw error instanceof AggregateError ? mostSpecific(error.errors) : error;
    } finally {
      for (const sentinel of this.#sentinels) if (sentinel !== found) sentinel.disconnect();
    }
  }

  #sentinelAt({ host, port }: Address): Redis {
    const { tls, connectTimeout = 0 } = this.options;
    const timeoutMs = Math.ceil(connectTimeout * SENTINEL_TIMEOUT_SHARE);
    return new Redis({
      host,
      port,
      connectTimeout: timeoutMs,
      commandTimeout: timeoutMs,
      ...(tls && { tls: { ...tls, ...serverName(host) } }),
      lazyConnect: true,
      enableReadyCheck: false,
      disableClientInfo: true,
      Connector: ServerConnector,
      retryStrategy: () => null,
      disconnectTimeout: 0, // 0 closes the connection without waiting for the server: a sentinel is disconnected from once no reply of it is needed
    });
  }

  /**
   * Asks one sentinel for the address of the master.
   * @throws DevstateError: the sentinel does not answer, replies with an error, or does not know the master
   */
  async #ask(sentinel: Redis): Promise<Answer> {
    const { name = '' } = this.options;
    const { username, password } = sentinelLogin(this.options);
    let cause: unknown;
    sentinel.on('error', (error) => {
      cause = error;
    });
    const askForMaster = () => sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name);
    try {
      await sentinel.connect();
      const reply = await askForMaster().catch(async (error: Error) => {
        if (replyCode(error.message) !== 'NOAUTH' || !password) throw error;
        await sentinel.auth(username, password); // only after NOAUTH, so that the password is never sent to a sentinel that requires none
        return askForMaster();
      });
      if (reply !== null) return { sentinel, master: addressIn(reply) };
    } catch (error) {
      throw toDevstateError(cause ?? error);
    }
    throw new DevstateError('CONNECTION', `the sentinels know no master named ${quote(name)}`, {
      reason: 'UNKNOWN_MASTER',
    });
  }

  #followSwitch(sentinel: Redis, stream: Socket): void {
    const { name } = this.options;
    sentinel.on('message', (_channel, message: string) => {
      if (message.split(' ', 1)[0] === name) resetStream(stream);
    });
    sentinel.subscribe('+switch-master').catch(() => {}); // a failure is ignored: the connection to the master works, and a failover is then noticed only when that connection closes
    stream.once('close', () => sentinel.disconnect());
  }
}

/** Returns the login at the sentinels: the options for them, or else that of the server. ioredis sets missing options to null. */
function sentinelLogin({ sentinelUsername, sentinelPassword, username, password }: RedisOptions) {
  return sentinelPassword
    ? { username: sentinelUsername ?? 'default', password: sentinelPassword }
    : { username: username ?? 'default', password };
}

/** Returns the address that a sentinel replied. @throws DevstateError CONNECTION: the reply is no address */
function addressIn(reply: unknown): Address {
  const [host, port] = Array.isArray(reply) ? reply : [];
  const isPort =
    typeof port === 'string' && /^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65_536;
  if (typeof host !== 'string' || host === '' || !isPort)
    throw unfittingReply('sentinel get-master-addr-by-name');
  return { host, port: Number(port) };
}

/** Returns what a server replied, without what devstate says of a server that does not know a command. */
function reasonOf({ message, reason, cause }: DevstateError): string {
  return reason === 'SERVER_TOO_OLD' && cause instanceof Error ? cause.message : message;
}

/**
 * Chooses among the errors of all sentinels. If a sentinel replied with an error, it is returned, because it says
 * more than a network error; otherwise the error says that no sentinel answers.
 */
function mostSpecific(errors: readonly DevstateError[]): DevstateError {
  const replied = errors.find(({ cause }) => !isNetworkError(cause));
  if (replied?.code === 'INTERNAL')
    return new DevstateError('CONNECTION', `the server is not a sentinel: ${reasonOf(replied)}`, {
      cause: replied,
    });
  if (replied) return replied;
  return new DevstateError('CONNECTION', `no sentinel answers: ${errors[0]?.message}`, {
    reason: 'NO_SENTINEL',
    cause: errors[0],
  });
}
