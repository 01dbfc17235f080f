/**
 * Pages through the activity index in its order and yields each device once. Pages are read by rank, because any number
 * of devices may have the same score (0: never seen). Devices move in the index while it is read. So the position of
 * each page is found anew: by the last device of the page before that still has its score. If devices before that
 * position have left the index, the page may begin after devices that were not read yet; then it is read again from an
 * earlier rank, so that no device is skipped.
 */
import { DevstateError } from '../model/errors.js';
import type { Command } from '../store/connection.js';
import type { Partition } from '../store/partition.js';
import { SeenIds } from '../store/seen-ids.js';

/** Scores, which are whole numbers: from the first to the last one, both included. */
export interface IndexRange {
  from: number;
  to: number;
  /** Whether the scores are read from high to low; then `from` is the highest. */
  down?: boolean;
}

interface Entry {
  id: string;
  score: number;
}

/** A position in the index. The device need not be there any more. Without an id: after all entries of the score. */
interface Position {
  score: number;
  id?: string;
}

const PAGE_SIZE = 500;
/** How many of the last entries of a page are looked up to find the position again: some may have moved. */
const ANCHOR_COUNT = 5;

/**
 * @param seen the ids that were read already, which are not yielded; ids are added to it
 * @throws DevstateError CONNECTION; BAD_RECORD: the key of the index holds another type
 */
export async function* pageIndex(
  partition: Partition,
  { from, to, down = false }: IndexRange,
  seen: SeenIds = new SeenIds(),
): AsyncGenerator<string[]> {
  const sign = down ? -1 : 1;
  const isBeyondRange = (score: number) => sign * (score - to) > 0;
  let anchors: Entry[] = [];
  let reached: Position = { score: from - sign };
  /** By how many ranks pages begin before the position; it grows each time that a page began too late. */
  let overlap = 0;
  /** The rank of `reached` if no device has moved since it was read. */
  let expectedRank: number | undefined;
  /** Whether the last rank was the expected one. Then the next page is requested in the same round trip. */
  let isUnmoved = true;
  for (;;) {
    const startOf = (rank: number) => Math.max(0, rank - overlap);
    const guess = expectedRank === undefined || !isUnmoved ? undefined : startOf(expectedRank);
    const { rank, guessedPage } = await findRank(partition, anchors, reached, down, guess);
    const start = startOf(rank);
    const page = guessedPage && start === guess ? guessedPage : await readPage(partition, start, down);
    isUnmoved = expectedRank === undefined || rank === expectedRank;
    if (start > 0 && !isAtOrBefore(page[0], reached, down)) {
      overlap = Math.min(2 * overlap + 1, PAGE_SIZE / 2);
      expectedRank = rank;
      continue;
    }
    const inRange = page.filter(({ score }) => sign * (score - from) >= 0 && !isBeyondRange(score));
    const fresh = inRange.map(({ id }) => id).filter((id) => seen.add(id));
    if (fresh.length > 0) yield fresh;
    const last = page.at(-1);
    if (page.length < PAGE_SIZE || last === undefined || isBeyondRange(last.score)) return;
    anchors = page.slice(-ANCHOR_COUNT).reverse();
    reached = last;
    expectedRank = start + page.length - 1;
  }
}

function pageCommand({ keys }: Partition, start: number, down: boolean): Command {
  return [down ? 'zrevrange' : 'zrange', keys.activity, start, start + PAGE_SIZE - 1, 'WITHSCORES'];
}

async function readPage(partition: Partition, start: number, down: boolean): Promise<Entry[]> {
  const [reply] = await partition.pipeline([pageCommand(partition, start, down)]);
  return parsePage(reply);
}

function parsePage(reply: unknown): Entry[] {
  if (reply instanceof DevstateError) throw reply;
  return (reply as string[]).flatMap((id, i, flat) =>
    i % 2 === 0 ? [{ id, score: Number(flat[i + 1]) }] : [],
  );
}

/** Returns whether the first entry of a page is at or before a position, so that the page skips no entry after it. */
function isAtOrBefore(first: Entry | undefined, { score, id }: Position, down: boolean): boolean {
  if (first === undefined) return false;
  // Redis sorts entries of the same score by the bytes of their ids.
  const idOrder = id === undefined ? 0 : Buffer.compare(Buffer.from(first.id), Buffer.from(id));
  const order = first.score - score || idOrder;
  return down ? order >= 0 : order <= 0;
}

/**
 * Returns the rank of the first anchor that still has its score. If all have moved, it returns the rank of the last
 * entry before the reached score; without an id, of the last entry of that score.
 * @param guess the rank at which the next page probably begins: the page is read in the same round trip
 */
async function findRank(
  partition: Partition,
  anchors: readonly Entry[],
  { score, id }: Position,
  down: boolean,
  guess: number | undefined,
): Promise<{ rank: number; guessedPage: Entry[] | undefined }> {
  const { activity } = partition.keys;
  const commands = anchors.flatMap((anchor): Command[] => [
    ['zscore', activity, anchor.id],
    [down ? 'zrevrank' : 'zrank', activity, anchor.id],
  ]);
  if (guess !== undefined) commands.push(pageCommand(partition, guess, down));
  const replies = await partition.pipeline(commands);
  const guessedPage = guess === undefined ? undefined : parsePage(replies.at(-1));
  const unmoved = anchors.findIndex(
    (anchor, i) => replies[2 * i] === String(anchor.score) && replies[2 * i + 1] !== null,
  );
  if (unmoved !== -1) return { rank: Number(replies[2 * unmoved + 1]), guessedPage };
  const bound = id === undefined ? score : `(${score}`;
  const countBefore = await partition.send(() =>
    down ? partition.redis.zcount(activity, bound, '+inf') : partition.redis.zcount(activity, '-inf', bound),
  );
  return { rank: countBefore - 1, guessedPage };
}
