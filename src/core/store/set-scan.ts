/**
 * The members of a set of any size, in chunks, each once. SSCAN may give some again while
 * the set grows or shrinks, so what was given is remembered: not the ids themselves, which
 * would be the fleet in memory, but 64 bits of each. A cursor says nothing to another
 * server, nor to one that was started again: there the scan begins anew.
 */
import type { Partition } from './partition.js';

const SCAN_COUNT = 200;

/** The members of a set. */
export async function* scanSet(partition: Partition, key: string): AsyncGenerator<string[]> {
  const seen = new SeenIds(await partition.send(() => partition.redis.scard(key)));
  for await (const found of scan(partition, 'sscan', key)) {
    const fresh = found.filter((id) => seen.add(id));
    // A set that Redis keeps as a list comes whole, whatever the count.
    for (let from = 0; from < fresh.length; from += SCAN_COUNT) yield fresh.slice(from, from + SCAN_COUNT);
  }
}

/** The members of a sorted set, some perhaps more than once. */
export async function* scanSortedSet(partition: Partition, key: string): AsyncGenerator<string[]> {
  for await (const flat of scan(partition, 'zscan', key)) {
    if (flat.length > 0) yield flat.filter((_, i) => i % 2 === 0);
  }
}

async function* scan(partition: Partition, command: ScanCommand, key: string): AsyncGenerator<string[]> {
  const cursor = new ScanCursor(partition, command, key);
  for (;;) {
    const { found, last } = await cursor.next(SCAN_COUNT);
    yield found;
    if (last) return;
  }
}

type ScanCommand = 'sscan' | 'zscan';

/** Where a scan is: round after round, each of which gives all that is there throughout. */
export class ScanCursor {
  readonly #partition: Partition;
  readonly #command: ScanCommand;
  readonly #key: string;
  #at = '0';
  #giver: unknown;

  constructor(partition: Partition, command: ScanCommand, key: string) {
    this.#partition = partition;
    this.#command = command;
    this.#key = key;
  }

  /** The next chunk is the first of a round. */
  get begins(): boolean {
    return this.#at === '0';
  }

  /** About `count`; `last`: of the round. */
  async next(count: number): Promise<{ found: string[]; last: boolean }> {
    const { reply, by } = await this.#partition.sendAndIdentify([
      this.#command,
      this.#key,
      this.#at,
      'COUNT',
      count,
    ]);
    const [next, found] = reply as [cursor: string, found: string[]];
    const strange = !this.begins && by !== this.#giver;
    this.#giver = by;
    this.#at = strange ? '0' : next;
    return { found, last: next === '0' && !strange };
  }
}

const MOST_EXPECTED = 4_000_000;
const FULLEST = 0.75;
const GROWTH = 1.5;

/**
 * A set of hashes with open addressing, the two halves of each side by side. Two ids of a
 * million share one by a chance of 1 in 40 million, and nobody can make them: the hash is
 * seeded by chance in each process.
 */
export class SeenIds {
  #pairs: Uint32Array;
  #size = 0;
  readonly #seeds = crypto.getRandomValues(new Uint32Array(2));

  /** @param expected for so many it need not grow, and leave behind what it was */
  constructor(expected = 0) {
    const places = Math.min(Math.max(1000, expected), MOST_EXPECTED) / FULLEST;
    this.#pairs = new Uint32Array(2 * Math.ceil(places));
  }

  /** False: it was there already. */
  add(id: string): boolean {
    let [high = 0, low = 0] = this.#seeds;
    for (let i = 0; i < id.length; i++) {
      const code = id.charCodeAt(i);
      high = Math.imul(high ^ code, 2654435761);
      high ^= high >>> 15;
      low = Math.imul(low ^ code, 1597334677);
      low ^= low >>> 13;
    }
    const mixed = finish(high ^ Math.imul(low, 3266489909));
    const added = this.#insert(mixed, finish(low ^ Math.imul(mixed, 2246822507)) || 1); // 0 is an empty place
    if (added && ++this.#size > (this.#pairs.length / 2) * FULLEST) this.#grow();
    return added;
  }

  #insert(high: number, low: number): boolean {
    const pairs = this.#pairs;
    let place = 2 * Math.floor((high / 2 ** 32) * (pairs.length / 2));
    while (pairs[place + 1] !== 0) {
      if (pairs[place] === high && pairs[place + 1] === low) return false;
      place = place + 2 === pairs.length ? 0 : place + 2;
    }
    pairs[place] = high;
    pairs[place + 1] = low;
    return true;
  }

  #grow(): void {
    const old = this.#pairs;
    this.#pairs = new Uint32Array(2 * Math.ceil((old.length / 2) * GROWTH));
    for (let place = 0; place < old.length; place += 2) {
      const low = old[place + 1] as number;
      if (low !== 0) this.#insert(old[place] as number, low);
    }
  }
}

/** murmur3's last step: every bit depends on every other. */
function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 2246822507);
  h = Math.imul(h ^ (h >>> 13), 3266489909);
  return (h ^ (h >>> 16)) >>> 0;
}
