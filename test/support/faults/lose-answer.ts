/** Loses the answer to one request of a client: Redis does what was asked, and the client gets no reply. */
import type { FaultProxy } from './fault-proxy.js';

/**
 * - swallow: the connection stays open, and delivers nothing more
 * - reset: the connection is reset in the middle of the answer
 */
export type Loss = 'swallow' | 'reset';

/**
 * Loses the answer to the first script call with this text, such as a device's id, that goes through the proxy, and all
 * further answers of its connection. New connections work.
 * @param skip the number of script calls with this text that are answered before
 */
export function loseAnswer(proxy: FaultProxy, text: string, how: Loss, skip = 0): void {
  let left = skip;
  proxy.onData = (flow, chunk, direction) => {
    if (direction !== 'toServer' || !/evalsha/i.test(chunk.toString('latin1')) || !chunk.includes(text))
      return;
    if (left-- > 0) return;
    proxy.onData = () => {};
    flow.set(how === 'swallow' ? { swallow: true } : { cut: { bytes: 2, by: 'reset' } }, 'toClient');
  };
}
