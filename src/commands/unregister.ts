/** `devstate unregister ID…`: removes devices and all that is kept of them. */
import { usage } from '../core/errors.js';
import { unregister as remove } from '../core/registry.js';
import type { View } from '../output/view.js';
import { Batch, eachId, isSingle } from './batch.js';
import { command } from './command.js';

interface Options {
  yes?: boolean;
}
interface Removal {
  deviceId: string;
  removed: true;
}

const REMOVAL: View<Removal> = {
  fields: ['deviceId', 'removed'],
  json: (row) => ({ ...row }),
  name: ({ deviceId }) => deviceId,
  columns: [],
  line: ({ deviceId }) => `${deviceId} removed`,
};

export const unregister = command<Options>({
  name: 'unregister',
  group: 'Devices',
  summary: 'Remove devices and all that is kept of them',
  arguments: [
    { name: 'id', summary: 'device ids; - reads them from standard input', required: true, variadic: true },
  ],
  options: [{ flags: '-y, --yes', summary: 'do not ask' }],
  examples: [
    'devstate unregister sensor-001',
    'devstate stale --older-than 90d -o name | devstate unregister - --yes',
  ],
  async run(context, ids, { yes = false }) {
    context.print.check(REMOVAL);
    const { stdin, stderr } = context.terminal;
    if (!yes && (!stdin || !stderr || ids.includes('-'))) {
      throw usage('this removes devices and nobody can be asked', 'add --yes');
    }
    const fleet = await context.fleet();
    if (!yes) {
      const what = isSingle(ids) ? JSON.stringify(ids[0]) : `${ids.length} devices`;
      if (!(await context.confirm(`Remove ${what} and all that is kept of it?`))) return 'CONDITION';
    }
    const removal = async (deviceId: string): Promise<Removal> => {
      await remove(fleet, deviceId);
      return { deviceId, removed: true };
    };
    if (isSingle(ids)) return context.print.one(REMOVAL, await removal(ids[0] as string));
    const batch = new Batch(context);
    await context.print.list(REMOVAL, batch.map(eachId(context, ids), removal));
    return batch.code;
  },
});
