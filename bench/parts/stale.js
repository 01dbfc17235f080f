/** `stale` by the index of an exclusive fleet and by the scan of a shared one, compared with the article's queries. */
import { join } from 'node:path';
import { checkStale } from '../support/answers.js';
import { expect, LOG, STALE_MS } from '../support/fleet.js';
import { ARTICLE_QUERY, DEVSTATE, firstByte, whole } from '../support/programs.js';
import { fieldOf, inTurn, median, ratio } from '../support/rounds.js';
import { megabytes, peakLine, short, timeLine } from '../support/table.js';

const STALE = [DEVSTATE, 'stale', '--older-than', `${STALE_MS}ms`, '-o', 'ndjson'];
const inChunks = [ARTICLE_QUERY, 'stale-chunks', String(STALE_MS)];
const inOnePipeline = [ARTICLE_QUERY, 'stale-whole', String(STALE_MS)];
const MOST_MB = 150;

export async function stale(bench) {
  const { rounds } = bench.sizes;
  const sized = await bench.fleets();
  const largest = sized.at(-1);
  const file = join(largest.server.dir, 'stale.ndjson');
  const asked =
    ({ fleet, server }, args, { ours = false } = {}) =>
    async () => {
      const from = Date.now();
      const run = await whole(server.url, args, { output: file });
      await checkStale(file, fleet, { from, to: Date.now(), ours });
      return run;
    };
  const theirs = (args) => () => bench.stalls.watch(largest.server, asked(largest, args));
  const devstate = (one) => () => bench.longest.watch(one.server, asked(one, STALE, { ours: true }));

  const shared = await inTurn(rounds, { ours: devstate(largest), theirs: theirs(inChunks) });
  for (const one of sized) await declare(bench, one, 'exclusive');
  const exclusive = await inTurn(rounds, { ours: devstate(largest), theirs: theirs(inOnePipeline) });
  const [first, all] = [{}, {}];
  for (const one of sized) {
    const { firsts, wholes } = await inTurn(rounds, {
      firsts: () => bench.longest.watch(one.server, () => firstByte(one.server.url, STALE)),
      wholes: devstate(one),
    });
    first[one.fleet.size] = median(firsts);
    all[one.fleet.size] = median(wholes.map(({ ms }) => ms));
  }
  for (const one of sized) await declare(bench, one, 'shared');

  const { fleet } = largest;
  const name = `stale, ${short(fleet.stale)} of ${short(fleet.size)}`;
  const peaks = fieldOf(exclusive, 'peakMb');
  return {
    lines: [
      timeLine(`${name}, exclusive fleet; the article's, one pipeline`, fieldOf(exclusive, 'ms'), 10),
      {
        name: '… peak memory',
        figure: megabytes(median(peaks.ours)),
        against: megabytes(median(peaks.theirs)),
        value: ratio(peaks.ours, peaks.theirs),
        unit: '×',
        atMost: 0.1,
      },
      timeLine(`${name}, shared fleet; the article's, pipelines of 500`, fieldOf(shared, 'ms'), 1),
      peakLine('… peak memory', fieldOf(shared, 'peakMb'), MOST_MB),
    ],
    curves: [
      { name: 'stale, exclusive, to the first row', unit: 'ms', values: first },
      { name: 'stale, exclusive, whole', unit: 'ms', values: all },
    ],
  };
}

/** Declares who writes to the fleet. The index of this fleet is already right, so no event may be announced. */
async function declare(bench, { server }, writers) {
  const announced = await server.redis.xlen(LOG);
  await bench.longest.watch(server, () => whole(server.url, [DEVSTATE, 'init', '--writers', writers]));
  expect('the events in the log', await server.redis.xlen(LOG), announced);
}
