/** `devstate set-desired ID DOC…`: changes the desired state of devices. */
import { unwrapOne } from '../../core/async/item-results.js';
import { usageError } from '../../core/model/errors.js';
import { validId } from '../../core/model/identifiers.js';
import { type DesiredResult, setDesiredAll } from '../../core/shadow/desired.js';
import type { View } from '../../output/view.js';
import { BatchRunner } from '../shared/batch-runner.js';
import { command } from '../shared/command.js';
import { confirmBulkWrite, YES } from '../shared/confirm.js';
import { idBatches, isSingle } from '../shared/device-ids.js';
import { readDocument } from '../shared/read-document.js';

interface Options {
  ifVersion?: number;
  replace?: boolean;
  yes?: boolean;
}

const DESIRED: View<DesiredResult> = {
  fields: ['deviceId', 'desiredState', 'version', 'changed'],
  json: ({ deviceId, desired, version, changed }) => ({ deviceId, desiredState: desired, version, changed }),
  name: ({ deviceId }) => deviceId,
  columns: [],
  line: ({ deviceId, version, changed }) =>
    changed ? `${deviceId} desired version ${version}` : `${deviceId} unchanged`,
};

export const setDesired = command<Options>({
  name: 'set-desired',
  group: 'Shadow',
  summary: 'Merge into the desired state of a device and notify the device',
  writes: true,
  arguments: [
    { name: 'id', summary: 'device id; - reads ids from standard input', required: true },
    {
      name: 'document',
      summary: 'KEY=VALUE (null removes), {…}, @FILE or -',
      required: true,
      variadic: true,
    },
  ],
  options: [
    {
      flags: '--if-version <n>',
      summary: 'fail unless the desired state has this version',
      parse: parseVersion,
    },
    { flags: '--replace', summary: 'replace the desired state instead of merging' },
    YES,
  ],
  examples: [
    'devstate set-desired sensor-001 reportingInterval=30',
    'devstate list --type meter -o name | devstate set-desired - interval=30',
    'devstate set-desired sensor-001 net.wifi.channel=6 led=null --if-version 4',
    'devstate set-desired sensor-001 \'{"mode": "eco"}\' --replace',
  ],
  async run(context, [id = '', ...document], { yes, ...options }) {
    context.print.check(DESIRED);
    if (id === '-' && document.includes('-'))
      throw usageError(
        'standard input cannot be both the ids and the document',
        'put the document in a file: @FILE',
      );
    if (isSingle([id])) validId(id);
    if (!(await confirmBulkWrite(context, { yes, ids: [id] }, 'Change the desired state of')))
      return 'CONDITION';
    const patch = await readDocument(context, document);
    const fleet = await context.fleet();
    const setBatch = (ids: readonly string[]) => setDesiredAll(fleet, ids, patch, options);
    if (isSingle([id])) return context.print.one(DESIRED, unwrapOne(await setBatch([id])));
    const runner = new BatchRunner(context);
    await context.print.list(DESIRED, runner.run(idBatches(context, [id]), setBatch));
    return runner.errorCode;
  },
});

function parseVersion(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usageError('a version is a whole number; 0 means no desired state yet');
  return Number(text);
}
