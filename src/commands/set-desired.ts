/** `devstate set-desired ID DOC…`: what the device should be. */
import { usage } from '../core/errors.js';
import { type DesiredResult, setDesired as set } from '../core/shadows.js';
import type { View } from '../output/view.js';
import { command } from './command.js';
import { readDocument } from './document.js';

interface Options {
  ifVersion?: number;
  replace?: boolean;
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
  summary: 'Merge into the desired state of a device and tell it',
  arguments: [
    { name: 'id', summary: 'device id', required: true },
    {
      name: 'document',
      summary: 'KEY=VALUE (null removes), {…}, @FILE or -',
      required: true,
      variadic: true,
    },
  ],
  options: [
    { flags: '--if-version <n>', summary: 'only if the desired version is this one', parse: parseVersion },
    { flags: '--replace', summary: 'replace the desired state instead of merging' },
  ],
  examples: [
    'devstate set-desired sensor-001 reportingInterval=30',
    'devstate set-desired sensor-001 net.wifi.channel=6 led=null --if-version 4',
    'devstate set-desired sensor-001 \'{"mode": "eco"}\' --replace',
  ],
  async run(context, [id = '', ...document], options) {
    context.print.check(DESIRED);
    const patch = await readDocument(context, document);
    await context.print.one(DESIRED, await set(await context.fleet(), id, patch, options));
  },
});

function parseVersion(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usage('a version is a whole number; 0 is none yet');
  return Number(text);
}
