/**
 * Reads the activity index of a partition page by page, in its order, and yields each device once. Pages are read by
 * rank (the place of a device in the order), because any number of devices may have the same score (0: never seen).
 * Ranks change while the index is read, because devices move in it. So before each page the rank of one of the last
 * devices read is looked up again, of one whose score has not changed. If devices leave the index between this
 * look-up and the read of the page, the page may begin too late; then it is read again from an earlier rank, so that
 * no device is skipped.
 */
import { DevstateError } from '../model/errors.js';
import { withinLength } from '../model/identifiers.js';
import { AdaptiveCount, totalLength } from '../store/adaptive-count.js';
import type { Partition } from '../store/partition.js';
import type { RedisRequest } from '../store/replies.js';
import { SeenIds } from '../store/seen-ids.js';

/** The scores that are read, from the first to the last, both included. Scores are whole numbers. */
export interface IndexRange {
  from: number;
  to: number;
  /** True: the scores are read from high to low, and `from` is the highest. False (default): from low to high. */
  down?: boolean;
}

interface Entry {
  id: string;
  score: number;
}

/**
 * A position in the index: the place for a device with this score and id, even if the device has moved in the
 * meantime. Without an id: the place after all devices of the score.
 */
interface Position {
  score: number;
  id?: string;
}

/**
 * The most entries of a page. With 200 the reply stays below the largest that is accepted (redis/reply-scanner.ts) even if
 * another program wrote ids of 1 MB.
 */
const MAX_PAGE_SIZE = 200;
/** The fewest entries of a page, however long their ids are: a page begins with entries of the page before. */
const MIN_PAGE_SIZE = 10;
/**
 * How many of the last devices of a page are looked up to find the rank of the next page. With only one, a change of
 * that device's score would leave no device whose rank shows where the page ended.
 */
const ANCHOR_COUNT = 5;
/** The most pages in a row that do not reach beyond the position that earlier pages reached. */
const MAX_PAGES_WITHOUT_PROGRESS = 100;

/**
 * Yields the ids of the devices in a range of scores, in the order of the index, in pages.
 * @param seen ids that were yielded before and must not be yielded again; the ids yielded by this call are added to
 *   it
 * @throws DevstateError CONNECTION; BAD_RECORD: the key of the index holds another type; CONFLICT: it kept changing
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
  /**
   * How many ranks before that of the last device read a page begins. It grows each time that a page began too late,
   * so that the page is read again from an earlier rank.
   */
  let overlap = 0;
  /** The rank that `reached` has if no device has moved since it was read. */
  let expectedRank: number | undefined;
  /**
   * True: the last rank looked up was the expected one. The next one probably is too, so the next page is requested
   * in the same round trip as its rank. False: the rank is looked up before the page is requested.
   */
  let isUnmoved = true;
  let withoutProgress = 0;
  const adaptiveCount = new AdaptiveCount(MAX_PAGE_SIZE);
  for (;;) {
    if (withoutProgress > MAX_PAGES_WITHOUT_PROGRESS)
      throw new DevstateError('CONFLICT', 'the index kept changing while it was read');
    const size = Math.max(MIN_PAGE_SIZE, adaptiveCount.value);
    const pageOf = (start: number) => pageCommand(partition, start, size, down);
    const startOf = (rank: number) => Math.max(0, rank - overlap);
    const guess = expectedRank === undefined || !isUnmoved ? undefined : startOf(expectedRank);
    const { rank, guessedPage } = await findRank(
      partition,
      anchors,
      reached,
      down,
      guess === undefined ? undefined : pageOf(guess),
    );
    const start = startOf(rank);
    const page = guessedPage && start === guess ? guessedPage : await readPage(partition, pageOf(start));
    adaptiveCount.observe(page.length, totalLength(page.map(({ id }) => id)));
    isUnmoved = expectedRank === undefined || rank === expectedRank;
    if (start > 0 && !isAtOrBefore(page[0], reached, down)) {
      overlap = Math.min(2 * overlap + 1, Math.floor(size / 2));
      expectedRank = rank;
      withoutProgress += 1;
      continue;
    }
    const inRange = page.filter(({ score }) => sign * (score - from) >= 0 && !isBeyondRange(score));
    const fresh = inRange.map(({ id }) => withinLength(id)).filter((id) => seen.add(id));
    if (fresh.length > 0) yield fresh;
    const last = page.at(-1);
    if (page.length < size || last === undefined || isBeyondRange(last.score)) return;
    withoutProgress = isAtOrBefore(last, reached, down) ? withoutProgress + 1 : 0;
    anchors = page.slice(-ANCHOR_COUNT).reverse();
    reached = last;
    expectedRank = start + page.length - 1;
  }
}

function pageCommand({ keys }: Partition, start: number, size: number, down: boolean): RedisRequest {
  return [down ? 'zrevrange' : 'zrange', keys.activity, start, start + size - 1, 'WITHSCORES'];
}

async function readPage(partition: Partition, command: RedisRequest): Promise<Entry[]> {
  const [reply] = await partition.pipeline([command]);
  return parsePage(reply);
}

function parsePage(reply: unknown): Entry[] {
  if (reply instanceof DevstateError) throw reply;
  return (reply as string[]).flatMap((id, i, flat) =>
    i % 2 === 0 ? [{ id, score: Number(flat[i + 1]) }] : [],
  );
}

/**
 * Returns whether the first entry of a page is at or before a position. If so, the page skips no entry after the
 * position.
 */
function isAtOrBefore(first: Entry | undefined, { score, id }: Position, down: boolean): boolean {
  if (first === undefined) return false;
  // Redis sorts entries that have the same score by the bytes of their ids.
  const idOrder = id === undefined ? 0 : Buffer.compare(Buffer.from(first.id), Buffer.from(id));
  const order = first.score - score || idOrder;
  return down ? order >= 0 : order <= 0;
}

/**
 * Returns the rank from which the next page is read: that of the first anchor whose score has not changed. If the
 * scores of all anchors have changed, it is the rank of the last entry before all entries of the position's score; if
 * the position has no id, that of the last entry up to its score.
 * @param anchors the last entries of the page before, the last one first
 * @param guess the command that reads what probably is the next page; it is sent in the same round trip
 */
async function findRank(
  partition: Partition,
  anchors: readonly Entry[],
  { score, id }: Position,
  down: boolean,
  guess: RedisRequest | undefined,
): Promise<{ rank: number; guessedPage: Entry[] | undefined }> {
  const { activity } = partition.keys;
  const commands = anchors.flatMap((anchor): RedisRequest[] => [
    ['zscore', activity, anchor.id],
    [down ? 'zrevrank' : 'zrank', activity, anchor.id],
  ]);
  if (guess !== undefined) commands.push(guess);
  const replies = await partition.pipeline(commands);
  const guessedPage = guess === undefined ? undefined : parsePage(replies.at(-1));
  const unmoved = anchors.findIndex(
    (anchor, i) => replies[2 * i] === String(anchor.score) && replies[2 * i + 1] !== null,
  );
  if (unmoved !== -1) return { rank: Number(replies[2 * unmoved + 1]), guessedPage };
  const bound = id === undefined ? score : `(${score}`;
  const countBefore = await (down
    ? partition.ask('zcount', activity, bound, '+inf')
    : partition.ask('zcount', activity, '-inf', bound));
  return { rank: countBefore - 1, guessedPage };
}
