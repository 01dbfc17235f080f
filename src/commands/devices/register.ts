/** `devstate register ID --type T`, or `-f FILE` with a device a line. */
import { validId, validType } from '../../core/model/device.js';
import { usageError } from '../../core/model/errors.js';
import { toJson } from '../../core/model/json.js';
import {
  type Registrant,
  type Registration,
  registerAll,
  register as registerDevice,
} from '../../core/registry/register.js';
import { parseRegisterLine, type RegisterDefaults, registrantOf } from '../../input/device-line.js';
import { parseTtl } from '../../input/duration.js';
import { lineBatches } from '../../input/lines.js';
import type { View } from '../../output/view.js';
import { applyLines } from '../shared/apply-lines.js';
import type { Entry } from '../shared/batch.js';
import { command } from '../shared/command.js';
import { YES } from '../shared/confirm.js';
import type { Context, Input } from '../shared/context.js';
import { pick } from '../shared/device-view.js';
import { readDocument } from '../shared/read-document.js';

interface Options {
  type?: string;
  meta?: string[];
  ttl?: number;
  ifNew?: boolean;
  file?: string;
  csv?: boolean;
  failFast?: boolean;
  yes?: boolean;
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
  writes: true,
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
    { flags: '--csv', summary: 'the file is CSV, its first line names the fields; so is any .csv' },
    { flags: '--fail-fast', summary: 'with -f: begin nothing after a line that fails' },
    YES,
  ],
  examples: [
    'devstate register sensor-001 --type temperature_sensor --meta location=warehouse-a',
    'devstate register gw-7 --type gateway --ttl 5m --if-new',
    'devstate register -f devices.ndjson --type meter',
  ],
  async run(context, [id], options) {
    const { type, meta, ttl, ifNew = false, file, csv = false, failFast = false, yes } = options;
    context.print.check(REGISTRATION);
    if (file !== undefined) {
      if (id !== undefined || meta !== undefined) throw usageError('-f goes with neither an ID nor --meta');
      const entries = csv || /\.csv$/i.test(file) ? csvEntries : lineEntries;
      return applyLines(context, {
        ...{ file, failFast, yes, doing: 'Register', view: REGISTRATION },
        read: (input) => entries(context, input, { type, ttl }),
        apply: (fleet, all) => registerAll(fleet, all, ifNew),
      });
    }
    if (failFast || csv) throw usageError(`--${csv ? 'csv' : 'fail-fast'} goes with -f`);
    if (id === undefined) throw usageError('an ID is due, or -f FILE', 'devstate register ID --type TYPE');
    if (type === undefined) throw usageError('--type is due', 'devstate register ID --type TYPE');
    validId(id);
    validType(type);
    const metadata = meta && (await readDocument(context, meta));
    const registration = await registerDevice(await context.fleet(), id, type, {
      onlyIfNew: ifNew,
      ...(metadata && { metadataJson: toJson(metadata) }),
      ...(ttl !== undefined && { ttl }),
    });
    await context.print.one(REGISTRATION, registration);
  },
});

async function* lineEntries(
  { notice }: Context,
  input: Input,
  defaults: RegisterDefaults,
): AsyncGenerator<Entry<Registrant>[]> {
  for await (const lines of lineBatches(input)) {
    yield lines.map(({ number, read }) => ({
      line: number,
      read: () => parseRegisterLine(read(), defaults, (message) => notice(`line ${number}: ${message}`)),
    }));
  }
}

async function* csvEntries(
  { notice }: Context,
  input: Input,
  defaults: RegisterDefaults,
): AsyncGenerator<Entry<Registrant>[]> {
  const { csvRows } = await import('../../input/device-csv.js');
  for await (const rows of csvRows(input)) {
    yield rows.map(({ line, read }) => ({
      line,
      read: () =>
        registrantOf(
          read((message) => notice(`line ${line}: ${message}`)),
          defaults,
        ),
    }));
  }
}
