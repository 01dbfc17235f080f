/** `devstate register ID --type T`, or `-f FILE` with a device a line. */
import { usage } from '../core/errors.js';
import { toJson } from '../core/json.js';
import { type Registration, register as registerDevice } from '../core/registry.js';
import { parseRegisterLine } from '../input/device-line.js';
import { parseTtl } from '../input/duration.js';
import type { View } from '../output/view.js';
import { applyLines } from './apply-lines.js';
import { command } from './command.js';
import { pick } from './device-view.js';
import { readDocument } from './document.js';

interface Options {
  type?: string;
  meta?: string[];
  ttl?: number;
  ifNew?: boolean;
  file?: string;
}

const fields = ['deviceId', 'deviceType', 'created', 'registeredAt'] as const;
const REGISTRATION: View<Registration> = {
  fields,
  json: (row) => pick(row, fields),
  name: ({ deviceId }) => deviceId,
  columns: [],
  line: ({ deviceId, created }) => `${deviceId} ${created ? 'registered' : 'updated'}`,
};

export const register = command<Options>({
  name: 'register',
  group: 'Devices',
  summary: 'Register a device, or update its type, metadata and TTL',
  arguments: [{ name: 'id', summary: 'device id' }],
  options: [
    { flags: '--type <type>', summary: 'device type' },
    {
      flags: '--meta <document>',
      summary: 'metadata: KEY=VALUE, {…}, @FILE or -; replaces the whole',
      repeat: true,
    },
    { flags: '--ttl <duration>', summary: "how long the device's heartbeats hold", parse: parseTtl },
    { flags: '--if-new', summary: 'fail if it is registered already' },
    { flags: '-f, --file <path>', summary: 'devices as NDJSON, one a line; - is standard input' },
  ],
  examples: [
    'devstate register sensor-001 --type temperature_sensor --meta location=warehouse-a',
    'devstate register gw-7 --type gateway --ttl 5m --if-new',
    'devstate register -f devices.ndjson --type meter',
  ],
  async run(context, [id], { type, meta, ttl, ifNew = false, file }) {
    context.print.check(REGISTRATION);
    if (file !== undefined) {
      if (id !== undefined || meta !== undefined) throw usage('-f goes with neither an ID nor --meta');
      return applyLines(
        context,
        file,
        REGISTRATION,
        (text, notice) => parseRegisterLine(text, { type, ttl }, notice),
        (fleet, line) =>
          registerDevice(fleet, line.deviceId, line.deviceType, {
            onlyIfNew: ifNew,
            ...(line.metadataJson !== undefined && { metadataJson: line.metadataJson }),
            ...(line.heartbeatTtl !== undefined && { ttl: line.heartbeatTtl }),
          }),
      );
    }
    if (id === undefined) throw usage('an ID is due, or -f FILE', 'devstate register ID --type TYPE');
    if (type === undefined) throw usage('--type is due', 'devstate register ID --type TYPE');
    const metadata = meta && (await readDocument(context, meta));
    const registration = await registerDevice(await context.fleet(), id, type, {
      onlyIfNew: ifNew,
      ...(metadata && { metadataJson: toJson(metadata) }),
      ...(ttl !== undefined && { ttl }),
    });
    await context.print.one(REGISTRATION, registration);
  },
});
