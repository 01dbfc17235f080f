/** `devstate delta ID`: the differences between the desired state and the reported state. */
import { validId } from '../../core/model/identifiers.js';
import { type Json, toJson } from '../../core/model/json.js';
import type { Change } from '../../core/shadow/changes.js';
import type { Delta } from '../../core/shadow/delta.js';
import { delta as readDelta } from '../../core/shadow/delta.js';

import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import { pathText } from '../shared/path-text.js';

interface Options {
  exitCode?: boolean;
}
interface DeviceDelta extends Delta {
  deviceId: string;
  desiredVersion: number;
}

const DELTA: View<DeviceDelta> = {
  fields: ['deviceId', 'inSync', 'delta', 'patch'],
  json: ({ deviceId, inSync, delta, patch }) => ({ deviceId, inSync, delta, patch }),
  name: ({ deviceId }) => deviceId,
  columns: [],
  line: ({ deviceId }) => `${deviceId} in sync`,
};

interface ChangeRow extends Change {
  /** The version of the desired state that was compared. */
  version: number;
}

/** The table of differences that people see instead of the JSON patch: one row for each path that differs. */
const CHANGES: View<ChangeRow> = {
  fields: [],
  json: (row) => ({ ...row }),
  name: ({ path }) => pathText(path),
  columns: [
    { header: 'PATH', cell: ({ path }) => pathText(path) },
    { header: 'DESIRED', cell: ({ to }) => valueText(to) },
    { header: 'REPORTED', cell: ({ from }) => valueText(from) },
  ],
  wide: [{ header: 'VERSION', cell: ({ version }) => String(version) }],
};

export const delta = command<Options>({
  name: 'delta',
  group: 'Shadow',
  summary: 'Compare the desired state of a device with what it reports',
  arguments: [{ name: 'id', summary: 'device id', required: true }],
  options: [{ flags: '--exit-code', summary: 'exit 4 if they differ' }],
  examples: [
    'devstate delta sensor-001',
    'devstate delta sensor-001 --json | jq .patch',
    'devstate delta sensor-001 -q --exit-code',
  ],
  async run({ print, fleet }, [id = ''], { exitCode = false }) {
    print.check(DELTA);
    validId(id);
    const difference = { deviceId: id, ...(await readDelta(await fleet(), id)) };
    if (print.isHumanReadable && !difference.inSync) {
      await print.list(
        CHANGES,
        difference.changes.map((change) => ({ ...change, version: difference.desiredVersion })),
      );
    } else {
      await print.one(DELTA, difference);
    }
    return exitCode && !difference.inSync ? 'CONDITION' : undefined;
  },
});

function valueText(value: Json | undefined): string {
  return value === undefined ? '-' : toJson(value);
}
