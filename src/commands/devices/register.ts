/** `devstate register ID --type T`: registers one device, or with `-f FILE` one device a line. */

import { usageError } from '../../core/model/errors.js';
import { validId, validType } from '../../core/model/identifiers.js';
import { toJson } from '../../core/model/json.js';
import { registerAll, register as registerDevice } from '../../core/registry/register.js';
import type { Registrant, Registration } from '../../core/registry/registration.js';
import { parseRegisterLine, type RegisterDefaults, registrantOf } from '../../input/device-line.js';
import { parseTtl } from '../../input/duration.js';
import type { View } from '../../output/view.js';
import { applyLines, lineItems } from '../shared/apply-lines.js';
import type { InputItem } from '../shared/batch-runner.js';
import { command } from '../shared/command.js';
import { FAIL_FAST } from '../shared/common-options.js';
import { YES } from '../shared/confirm.js';
import type { Context, Input } from '../shared/context.js';
import { pickFields } from '../shared/pick-fields.js';
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
  json: (row) => pickFields(row, fields),
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
      summary: 'metadata: KEY=VALUE, {…}, @FILE or -; replaces existing metadata',
      repeat: true,
    },
    {
      flags: '--ttl <duration>',
      summary: 'how long the device stays online after a heartbeat',
      parse: parseTtl,
    },
    { flags: '--if-new', summary: 'fail if the device is registered already' },
    { flags: '-f, --file <path>', summary: 'devices as NDJSON, one a line; - is standard input' },
    { flags: '--csv', summary: 'the file is CSV with the field names in its first line (default for *.csv)' },
    FAIL_FAST,
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
      if (id !== undefined || meta !== undefined)
        throw usageError('-f cannot be combined with an ID or --meta');
      const isCsv = csv || /\.csv$/i.test(file);
      const defaults: RegisterDefaults = { type, ttl };
      return applyLines(context, {
        file,
        failFast,
        yes,
        verb: 'Register',
        view: REGISTRATION,
        read: (input) =>
          isCsv
            ? csvItems(context, input, defaults)
            : lineItems(context, input, (text, notice) => parseRegisterLine(text, defaults, notice)),
        apply: (fleet, devices) => registerAll(fleet, devices, ifNew),
      });
    }
    if (failFast || csv) throw usageError(`--${csv ? 'csv' : 'fail-fast'} requires -f`);
    if (id === undefined)
      throw usageError('an ID or -f FILE is required', 'devstate register ID --type TYPE');
    if (type === undefined) throw usageError('--type is required', 'devstate register ID --type TYPE');
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

async function* csvItems(
  { notice }: Context,
  input: Input,
  defaults: RegisterDefaults,
): AsyncGenerator<InputItem<Registrant>[]> {
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
