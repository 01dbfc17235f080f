/** A list with reports: `list --with-state`, compared with the article's one pipeline of HGETALL and EXISTS. */
import { join } from 'node:path';
import { checkState } from '../support/answers.js';
import { TYPE } from '../support/fleet.js';
import { ARTICLE_QUERY, DEVSTATE, whole } from '../support/programs.js';
import { fieldOf, inTurn } from '../support/rounds.js';
import { peakLine, short, timeLine } from '../support/table.js';

const LIST = [DEVSTATE, 'list', '--type', TYPE, '--with-state', '-o', 'ndjson'];

export async function state(bench) {
  const { fleet, server } = (await bench.fleets()).at(-2);
  const file = join(server.dir, 'state.ndjson');
  const asked = (args) => async () => {
    const run = await whole(server.url, args, { output: file });
    await checkState(file, fleet);
    return run;
  };
  const runs = await inTurn(bench.sizes.rounds, {
    ours: () => bench.longest.watch(server, asked(LIST)),
    theirs: asked([ARTICLE_QUERY, 'state', TYPE]),
  });
  return {
    lines: [
      timeLine(`list --with-state, ${short(fleet.size)}; the article's, one pipeline`, fieldOf(runs, 'ms')),
      peakLine('… peak memory', fieldOf(runs, 'peakMb')),
    ],
  };
}
