/**
 * Reads the members of a set or sorted set of any size in chunks, with SSCAN and ZSCAN, so that no command blocks the
 * server for long. Members that are in the set during the whole scan are always found. A cursor is valid only on the
 * server that gave it: after a failover or a restart the scan starts again from the beginning.
 */
import { slices } from '../async/slices.js';
import { withinLength } from '../model/identifiers.js';
import { AdaptiveCount, totalLength } from './adaptive-count.js';
import type { Partition } from './partition.js';
import { ScanLimit } from './scan-limit.js';
import { SeenIds } from './seen-ids.js';

/**
 * The most members in a chunk. For a set in a compact encoding (listpack or intset) SSCAN and ZSCAN reply with all
 * members, whatever COUNT says, so replies are sliced; a server's settings may allow large sets in this encoding.
 */
const SCAN_COUNT = 200;

type ScanCommand = 'sscan' | 'zscan';

/** Yields the members of a set in chunks, each member once. */
export async function* scanSet(partition: Partition, key: string): AsyncGenerator<string[]> {
  const seen = new SeenIds(await partition.ask('scard', key));
  for await (const found of scan(partition, 'sscan', key)) {
    const fresh = found.filter((id) => seen.add(id));
    yield* slices(fresh, SCAN_COUNT);
  }
}

/**
 * Yields the members of a sorted set in chunks, without their scores. A member may be yielded twice, because ZSCAN
 * may reply it twice.
 */
export async function* scanSortedSet(partition: Partition, key: string): AsyncGenerator<string[]> {
  for await (const membersAndScores of scan(partition, 'zscan', key)) {
    yield* slices(
      membersAndScores.filter((_, i) => i % 2 === 0),
      SCAN_COUNT,
    );
  }
}

async function* scan(partition: Partition, command: ScanCommand, key: string): AsyncGenerator<string[]> {
  const cursor = new ScanCursor(partition, command, key);
  const limit = new ScanLimit(await partition.ask(command === 'sscan' ? 'scard' : 'zcard', key));
  for (;;) {
    const { found, isLast } = await cursor.next(SCAN_COUNT);
    limit.note(found.length, cursor.isAtStart && !isLast);
    yield found;
    if (isLast) return;
  }
}

/**
 * Scans a set or sorted set in rounds, one chunk with each call of `next`. A round goes through the whole set; after
 * the last chunk of a round the next call begins a new round.
 */
export class ScanCursor {
  readonly #partition: Partition;
  readonly #command: ScanCommand;
  readonly #key: string;
  #cursor = '0';
  /**
   * The server that gave `#cursor`. If another server replies, the cursor is not valid there, and the round starts
   * again.
   */
  #server: unknown;
  /** How many members to request, so that a reply is not too large: other programs may add members of any size. */
  readonly #adaptiveCount = new AdaptiveCount(SCAN_COUNT);

  constructor(partition: Partition, command: ScanCommand, key: string) {
    this.#partition = partition;
    this.#command = command;
    this.#key = key;
  }

  /** True: the next call of `next` returns the first chunk of a round. False: a round is in progress. */
  get isAtStart(): boolean {
    return this.#cursor === '0';
  }

  /**
   * Returns the next chunk of about `count` members, fewer if they are long; for a sorted set, each member is followed
   * by its score. `isLast` is true if the chunk is the last of its round, false if more chunks follow.
   * @throws DevstateError CONNECTION, BAD_RECORD
   */
  async next(count: number): Promise<{ found: string[]; isLast: boolean }> {
    const requested = Math.min(count, this.#adaptiveCount.value);
    const command = [this.#command, this.#key, this.#cursor, 'COUNT', requested] as const;
    const { reply, server } = await this.#partition.sendAndIdentify(command);
    const [next, found] = reply;
    this.#adaptiveCount.observe(found.length, totalLength(found));
    const isOtherServer = !this.isAtStart && server !== this.#server;
    this.#server = server;
    this.#cursor = isOtherServer ? '0' : next;
    return { found: found.map(withinLength), isLast: next === '0' && !isOtherServer };
  }
}
