/**
 * Checks the replies to CLUSTER SLOTS, which ioredis uses unchecked: for a range up to 2^53 it would fill an array
 * until the memory is full, an item that is nil would end the process, and it makes a client for each node, however
 * many there are. The command line sends CLUSTER with no other subcommand. The library does not need this: its clusters
 * are clients of its callers.
 */
import { Command } from 'ioredis';
import { unfittingReply } from '../core/store/replies.js';

const SLOT_COUNT = 16_384;
/** The most nodes that are accepted. A cluster of Redis has at most about 1,000. */
const MAX_NODES = 5000;
const MAX_PORT = 65_535;

/**
 * Makes every client of this process refuse a malformed reply to CLUSTER SLOTS. ioredis does not say to which
 * subcommand of CLUSTER a reply belongs. So a text or a number, as other subcommands reply, is accepted: ioredis makes
 * no nodes of it.
 */
export function refuseBadSlots(): void {
  Command.setReplyTransformer('cluster', (reply: unknown) => {
    const isOther = typeof reply === 'string' || typeof reply === 'number';
    if (!isOther && !isSlots(reply)) throw unfittingReply('cluster slots');
    return reply;
  });
}

/**
 * Returns whether a reply to CLUSTER SLOTS is well-formed: ranges that do not overlap, each with its first and last
 * slot, and the nodes that serve it.
 */
export function isSlots(reply: unknown): boolean {
  if (!Array.isArray(reply) || reply.length > SLOT_COUNT) return false;
  const nodes = new Set<string>();
  let slots = 0;
  for (const range of reply) {
    if (!Array.isArray(range)) return false;
    const [first, last, ...servers] = range;
    if (!isInteger(first, SLOT_COUNT - 1) || !isInteger(last, SLOT_COUNT - 1) || first > last) return false;
    slots += last - first + 1;
    for (const server of servers) {
      if (!isNode(server)) return false;
      nodes.add(`${server[0]}:${server[1]}`);
    }
    if (slots > SLOT_COUNT || nodes.size > MAX_NODES) return false;
  }
  return true;
}

/** The host is nil or empty if the node does not know its own address. */
function isNode(server: unknown): server is [host: string | null, port: number, ...unknown[]] {
  if (!Array.isArray(server)) return false;
  const [host, port] = server;
  return (host === null || typeof host === 'string') && isInteger(port, MAX_PORT);
}

function isInteger(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max;
}
