/** `list-online` in a fleet where most devices are online: time to the first row, time of the whole, peak memory. */
import { join } from 'node:path';
import { checkOnline } from '../support/answers.js';
import { DEVSTATE, firstByte, processTime, whole } from '../support/programs.js';
import { fieldOf, inTurn, median, ratio } from '../support/rounds.js';
import { duration, megabytes, short } from '../support/table.js';

const LIST = [DEVSTATE, 'list-online', '-o', 'ndjson'];
const MOST_MB = 150;
const LEAST_SHARE = 0.85;

export async function listOnline(bench) {
  const { rounds, runs } = bench.sizes;
  const sized = await bench.fleets();
  const [smaller, largest] = sized.slice(-2);
  const file = join(largest.server.dir, 'online.ndjson');
  const first =
    ({ server }) =>
    () =>
      bench.longest.watch(server, () => firstByte(server.url, LIST));
  const listed =
    ({ server, fleet }) =>
    async () => {
      const run = await bench.longest.watch(server, () => whole(server.url, LIST, { output: file }));
      await checkOnline(file, fleet);
      return run;
    };

  const { help, ...firsts } = await inTurn(
    runs,
    {
      help: () => processTime(largest.server.url, [DEVSTATE, '--help']),
      ...bySize(sized, first),
    },
    { warmUp: true },
  );
  const wholes = await inTurn(rounds, bySize(sized, listed));

  const peaks = medians(fieldOf(wholes, 'peakMb'));
  const [peak, smallerPeak] = [peaks[largest.fleet.size], peaks[smaller.fleet.size]];
  const { size, online } = largest.fleet;
  const name = `list-online -o ndjson, ${short(online)} of ${short(size)}`;
  return {
    lines: [
      {
        name: `${name}, first row; devstate --help`,
        figure: duration(median(firsts[size])),
        against: duration(median(help)),
        value: ratio(firsts[size], help),
        unit: '×',
        atMost: 3,
      },
      {
        name: '… whole, peak memory',
        figure: megabytes(peak),
        value: peak,
        unit: 'MB',
        atMost: MOST_MB,
      },
      {
        name: `… ${short(smaller.fleet.online)} online, peak memory to that`,
        figure: megabytes(smallerPeak),
        against: megabytes(peak),
        value: smallerPeak / peak,
        unit: '×',
        atLeast: LEAST_SHARE,
      },
    ],
    curves: [
      { name: 'list-online, to the first row', unit: 'ms', values: medians(firsts) },
      {
        name: 'list-online, whole',
        unit: 'ms',
        values: medians(fieldOf(wholes, 'ms')),
      },
    ],
  };
}

function bySize(sized, run) {
  return Object.fromEntries(sized.map((one) => [one.fleet.size, run(one)]));
}

function medians(figures) {
  return Object.fromEntries(Object.entries(figures).map(([name, numbers]) => [name, median(numbers)]));
}
