/**
 * ioredis' own connector by Sentinel, for the options that only it knows. What the master sends is checked, as
 * `ServerConnector` does. What the sentinels send is not: ioredis opens those connections itself, with options that
 * nothing can change.
 */
import { type SentinelConnectionOptions, SentinelConnector } from 'ioredis';
import { guardReplies } from './server-connector.js';

export class CheckedSentinelConnector extends SentinelConnector {
  /** @param options those of the client */
  constructor(options: unknown) {
    super(options as SentinelConnectionOptions);
  }

  override async connect(...args: Parameters<SentinelConnector['connect']>) {
    return guardReplies(await super.connect(...args));
  }
}
