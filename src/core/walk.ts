/**
 * The activity index in its order, in chunks, each device once. It is paged by rank, because
 * any number of devices share a score (never seen: 0). A fleet that beats moves under the
 * walk: each page is placed anew by the last device that still is where it was, and one that
 * begins behind what has been reached, because others left meanwhile, is not gone by.
 */
import type { Command, Fleet } from './fleet.js';
import { SeenIds } from './scan.js';

/** Scores, which are whole numbers, from one to another; both belong to it. */
export interface Walk {
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
export async function* walkIndex(
  fleet: Fleet,
  { from, to, down = false }: Walk,
  seen: SeenIds = new SeenIds(),
): AsyncGenerator<string[]> {
  const sign = down ? -1 : 1;
  const isPast = (score: number) => sign * (score - to) > 0;
  let anchors: Scored[] = [];
  let reached: Place = { score: from - sign };
  /** Pages begin by so much earlier, where the fleet is quick. */
  let back = 0;
  for (;;) {
    const start = Math.max(0, (await rankOf(fleet, anchors, reached, down)) - back);
    const page = await readPage(fleet, start, down);
    if (start > 0 && !isReached(page[0], reached, down)) {
      back = Math.min(2 * back + 1, PAGE / 2);
      continue;
    }
    const found = page.filter(({ score }) => sign * (score - from) >= 0 && !isPast(score));
    const fresh = found.map(({ id }) => id).filter((id) => seen.add(id));
    if (fresh.length > 0) yield fresh;
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined || isPast(last.score)) return;
    anchors = page.slice(-ANCHORS).reverse();
    reached = last;
  }
}

async function readPage(fleet: Fleet, start: number, down: boolean): Promise<Scored[]> {
  const { redis, keys } = fleet;
  const range = [keys.activity, start, start + PAGE - 1, 'WITHSCORES'] as const;
  const flat = await fleet.send(() => (down ? redis.zrevrange(...range) : redis.zrange(...range)));
  return flat.flatMap((id, i) => (i % 2 === 0 ? [{ id, score: Number(flat[i + 1]) }] : []));
}

/** Whether there can be nothing between what was reached and this one. */
function isReached(first: Scored | undefined, { score, id }: Place, down: boolean): boolean {
  if (first === undefined) return false;
  const ids = id === undefined ? 0 : Buffer.compare(Buffer.from(first.id), Buffer.from(id));
  const order = first.score - score || ids; // as Redis has it: of one score by their bytes
  return down ? order >= 0 : order <= 0;
}

/** The rank of the first anchor that has not moved; else of what comes before the score that was reached. */
async function rankOf(
  fleet: Fleet,
  anchors: readonly Scored[],
  { score, id }: Place,
  down: boolean,
): Promise<number> {
  const { activity } = fleet.keys;
  const replies = await fleet.pipeline(
    anchors.flatMap((anchor): Command[] => [
      ['zscore', activity, anchor.id],
      [down ? 'zrevrank' : 'zrank', activity, anchor.id],
    ]),
  );
  const unmoved = anchors.findIndex((anchor, i) => replies[2 * i] === String(anchor.score));
  if (unmoved !== -1) return Number(replies[2 * unmoved + 1]);
  const bound = id === undefined ? score : `(${score}`;
  const before = await fleet.send(() =>
    down ? fleet.redis.zcount(activity, bound, '+inf') : fleet.redis.zcount(activity, '-inf', bound),
  );
  return before - 1;
}
