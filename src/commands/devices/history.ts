/** `devstate history ID`: the changes of a device's documents and presence. */

import { followHistory } from '../../core/history/follow.js';
import { type HistoryChange, type HistoryOptions, readHistory } from '../../core/history/read-history.js';
import { usageError } from '../../core/model/errors.js';
import { validId } from '../../core/model/identifiers.js';
import { HISTORY_KINDS, type HistoryKind } from '../../core/model/keyspace.js';
import type { Fleet } from '../../core/store/fleet.js';
import { readFleetTime } from '../../core/store/server-time.js';
import { parseCount } from '../../input/duration.js';
import { type Moment, momentTime, parseMoment } from '../../input/moment.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { connectPersistently } from '../shared/outage-notices.js';
import { HISTORY, HISTORY_DIFF } from './history-view.js';

interface Options {
  since?: string;
  until?: string;
  kind?: HistoryKind[];
  limit?: number;
  diff?: boolean;
  follow?: boolean;
}

export const history = command<Options>({
  name: 'history',
  group: 'Devices',
  summary: 'Show what changed and when: reports, desired states, presence',
  arguments: [{ name: 'id', summary: 'device id', required: true }],
  options: [
    { flags: '--since <moment>', summary: 'only changes since then: 2h ago, 2026-11-24T10:00Z, epoch ms' },
    { flags: '--until <moment>', summary: 'only changes until then' },
    { flags: '--kind <list>', summary: 'only these: reported,desired,presence', parse: parseKinds },
    { flags: '--limit <n>', summary: 'only this many, the newest', parse: parseCount },
    { flags: '--diff', summary: 'show the changed paths with their old and new values' },
    { flags: '--follow', summary: 'then print each change when it happens, until stopped' },
  ],
  examples: [
    'devstate history sensor-001',
    'devstate history sensor-001 --since 2h --diff',
    'devstate history sensor-001 --kind presence --follow --json',
  ],
  async run(context, [id = ''], { diff = false, follow = false, ...options }) {
    const view = diff ? HISTORY_DIFF : HISTORY;
    context.print.check(view);
    if (follow && options.until !== undefined) throw usageError('--follow cannot be combined with --until');
    const readQuery = parseQuery(options);
    validId(id);
    if (follow) await context.print.stream(view, await followChanges(context, id, readQuery));
    else {
      const fleet = await context.fleet();
      await context.print.list(view, await readHistory(fleet, id, await readQuery(fleet)));
    }
  },
});

/**
 * Parses the options. Returns a function that makes a query of them; a duration ago is counted from the server's time.
 */
function parseQuery({ since, until, kind, limit }: Options): (fleet: Fleet) => Promise<HistoryOptions> {
  const parse = (text: string | undefined) => (text === undefined ? undefined : parseMoment(text));
  const moments = { since: parse(since), until: parse(until) };
  return async (fleet) => {
    const timeOf = (moment: Moment) => momentTime(moment, () => readFleetTime(fleet));
    return {
      ...(moments.since && { since: await timeOf(moments.since) }),
      ...(moments.until && { until: await timeOf(moments.until) }),
      ...(kind && { kinds: kind }),
      ...(limit !== undefined && { limit }),
    };
  };
}

async function followChanges(
  context: Context,
  id: string,
  readQuery: (fleet: Fleet) => Promise<HistoryOptions>,
): Promise<AsyncIterable<HistoryChange>> {
  const { signal, notice } = context;
  const { fleet, outage } = await connectPersistently(context);
  return followHistory(fleet, id, {
    ...(await readQuery(fleet)),
    signal,
    outage,
    onDropped: (kind, count) =>
      notice(
        count === 1
          ? `1 entry of ${kind} was dropped before it could be read`
          : `${count} entries of ${kind} were dropped before they could be read`,
      ),
    onGone: ({ message }) => notice(`${message} any more; waiting until it is registered again`),
  });
}

function parseKinds(list: string): HistoryKind[] {
  return list.split(',').map((name) => {
    const kind = HISTORY_KINDS.find((known) => known === name.trim());
    if (!kind) throw usageError(`no kind ${JSON.stringify(name)}; there are ${HISTORY_KINDS.join(', ')}`);
    return kind;
  });
}
