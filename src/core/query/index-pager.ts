/**
 * The activity index in its order, in chunks, each device once. It is paged by rank, because
 * any number of devices share a score (never seen: 0). A fleet that beats moves under the
 * walk: each page is placed anew by the last device that still is where it was, and one that
 * begins behind what has been reached, because others left meanwhile, is not gone by.
 */
import { DevstateError } from '../model/errors.js';
import type { Command } from '../store/connection.js';
import type { Partition } from '../store/partition.js';
import { SeenIds } from '../store/seen-ids.js';

/** Scores, which are whole numbers, from one to another; both belong to it. */
export interface IndexRange {
  from: number;
  to: number;
  /** From the high to the low. */
  down?: boolean;
}

interface Scored {
  id: string;
  score: number;
}
/** A place in the index, whether the device is still there or not; without an id: behind all of that score. */
type Place = Pick<Scored, 'score'> & Partial<Scored>;

const PAGE = 500;
/** So many of a page's last devices are asked for where the walk stands. */
const ANCHORS = 5;

/** @param seen what has been walked already; it is added to */
export async function* pageIndex(
  partition: Partition,
  { from, to, down = false }: IndexRange,
  seen: SeenIds = new SeenIds(),
): AsyncGenerator<string[]> {
  const sign = down ? -1 : 1;
  const isPast = (score: number) => sign * (score - to) > 0;
  let anchors: Scored[] = [];
  let reached: Place = { score: from - sign };
  /** Pages begin by so much earlier, where the fleet is quick. */
  let back = 0;
  /** The rank of what was reached, if nobody has moved since. */
  let expected: number | undefined;
  /** Nobody had, the last time: the page is asked for before that is known. */
  let stands = true;
  for (;;) {
    const begin = (rank: number) => Math.max(0, rank - back);
    const guess = expected === undefined || !stands ? undefined : begin(expected);
    const { rank, guessed } = await place(partition, anchors, reached, down, guess);
    const start = begin(rank);
    const page = guessed && start === guess ? guessed : await readPage(partition, start, down);
    stands = expected === undefined || rank === expected;
    if (start > 0 && !isReached(page[0], reached, down)) {
      back = Math.min(2 * back + 1, PAGE / 2);
      expected = rank;
      continue;
    }
    const found = page.filter(({ score }) => sign * (score - from) >= 0 && !isPast(score));
    const fresh = found.map(({ id }) => id).filter((id) => seen.add(id));
    if (fresh.length > 0) yield fresh;
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined || isPast(last.score)) return;
    anchors = page.slice(-ANCHORS).reverse();
    reached = last;
    expected = start + page.length - 1;
  }
}

function pageAt({ keys }: Partition, start: number, down: boolean): Command {
  return [down ? 'zrevrange' : 'zrange', keys.activity, start, start + PAGE - 1, 'WITHSCORES'];
}

async function readPage(partition: Partition, start: number, down: boolean): Promise<Scored[]> {
  const [reply] = await partition.pipeline([pageAt(partition, start, down)]);
  return scored(reply);
}

/** @throws DevstateError BAD_RECORD where the index is none */
function scored(reply: unknown): Scored[] {
  if (reply instanceof DevstateError) throw reply;
  return (reply as string[]).flatMap((id, i, flat) =>
    i % 2 === 0 ? [{ id, score: Number(flat[i + 1]) }] : [],
  );
}

/** Whether there can be nothing between what was reached and this one. */
function isReached(first: Scored | undefined, { score, id }: Place, down: boolean): boolean {
  if (first === undefined) return false;
  const ids = id === undefined ? 0 : Buffer.compare(Buffer.from(first.id), Buffer.from(id));
  const order = first.score - score || ids; // as Redis has it: of one score by their bytes
  return down ? order >= 0 : order <= 0;
}

/**
 * The rank of the first anchor that has not moved; else of what comes before the score that was
 * reached. With it, in the same round trip, the page that begins at `guess`.
 */
async function place(
  partition: Partition,
  anchors: readonly Scored[],
  { score, id }: Place,
  down: boolean,
  guess: number | undefined,
): Promise<{ rank: number; guessed: Scored[] | undefined }> {
  const { activity } = partition.keys;
  const commands = anchors.flatMap((anchor): Command[] => [
    ['zscore', activity, anchor.id],
    [down ? 'zrevrank' : 'zrank', activity, anchor.id],
  ]);
  if (guess !== undefined) commands.push(pageAt(partition, guess, down));
  const replies = await partition.pipeline(commands);
  const guessed = guess === undefined ? undefined : scored(replies.at(-1));
  const unmoved = anchors.findIndex(
    (anchor, i) => replies[2 * i] === String(anchor.score) && replies[2 * i + 1] !== null,
  );
  if (unmoved !== -1) return { rank: Number(replies[2 * unmoved + 1]), guessed };
  const bound = id === undefined ? score : `(${score}`;
  const before = await partition.send(() =>
    down ? partition.redis.zcount(activity, bound, '+inf') : partition.redis.zcount(activity, '-inf', bound),
  );
  return { rank: before - 1, guessed };
}
