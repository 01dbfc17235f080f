/** The cold start of the built command line: the time of whole processes, as a ratio to `node -e 0`. */
import { DEVSTATE, processTime } from '../support/programs.js';
import { inTurn, median, ratio } from '../support/rounds.js';
import { duration } from '../support/table.js';

const NOTHING = ['-e', '0'];
const SUBJECTS = [
  { name: 'devstate --version', args: ['--version'], atMost: 1.2 },
  { name: 'devstate --help', args: ['--help'], atMost: 1.6 },
  { name: 'devstate get ID --json', args: ['get', 'bench-1', '--json'], atMost: 2.5 },
];

export async function startup(bench) {
  const server = await bench.server();
  processTime(server.url, [DEVSTATE, 'register', 'bench-1', '--type', 'sensor']);
  const runs = await inTurn(
    bench.sizes.runs,
    {
      nothing: () => processTime(server.url, NOTHING),
      ...Object.fromEntries(
        SUBJECTS.map(({ name, args }) => [name, () => processTime(server.url, [DEVSTATE, ...args])]),
      ),
    },
    { warmUp: true },
  );
  await server.stop();
  return {
    lines: SUBJECTS.map(({ name, atMost }) => ({
      name: `${name}, cold start; node -e 0`,
      figure: duration(median(runs[name])),
      against: duration(median(runs.nothing)),
      value: ratio(runs[name], runs.nothing),
      unit: '×',
      atMost,
    })),
  };
}
