/**
 * `devstate acl ROLE`: prints an ACL SETUSER command for a role. For the role device it connects, to read what the fleet
 * declares, and prints the options with which the device runs devstate; for all others it connects to no server.
 */
import { type Acl, type AclOptions, aclOf, ROLES } from '../../core/admin/acl-roles.js';
import type { Dialect } from '../../core/model/device.js';
import { quote, usageError } from '../../core/model/errors.js';
import { validId } from '../../core/model/identifiers.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { parseHistoryCap, parsePartitions } from '../shared/global-options.js';
import { pickFields } from '../shared/pick-fields.js';

interface Options {
  user?: string;
  id?: string[];
  partitions?: number;
  history?: number;
}

/** What a device's program is given, because its user may not read what the fleet declares. */
interface DeviceOptions {
  namespace: string | null;
  partitions: number;
  dialect: Dialect;
  historyCap: number;
  /** The same, as the options of a command line. */
  commandLine: string;
  /** Whether the fleet declares that devices have logins of their own; null: it was not asked. */
  declared: boolean | null;
}

type Row = Acl & { device: DeviceOptions | null };

const fields = ['role', 'user', 'line', 'commands', 'keys', 'channels', 'device'] as const;
const ACL: View<Row> = {
  fields,
  json: (row) => pickFields(row, fields),
  name: ({ user }) => user,
  columns: [],
  line: ({ line }) => line,
};

export const acl = command<Options>({
  name: 'acl',
  group: 'Tools',
  summary: 'Print the command that creates a Redis user for a role, with the least permissions it needs',
  arguments: [{ name: 'role', summary: 'what the user may do', required: true, values: ROLES }],
  options: [
    { flags: '--user <name>', summary: "the user's name (default: the role)" },
    {
      flags: '--id <id>',
      summary: 'device: a device it sends heartbeats for, may be repeated (default: the name of the user)',
      repeat: true,
      parse: validId,
    },
    {
      flags: '--partitions <n>',
      summary: 'device: the partitions of the fleet (default: what it declares)',
      parse: parsePartitions,
    },
    {
      flags: '--history <n>',
      summary: 'device: how many reports its history keeps (default: what the fleet declares)',
      parse: parseHistoryCap,
    },
  ],
  examples: [
    'devstate acl viewer',
    'devstate acl device --user gateway-7 -n acme',
    'devstate acl device --user gateway-7 --id gateway-7 --id sensor-001',
    'devstate acl detector --json',
  ],
  async run(context, [name = ''], options) {
    const role = ROLES.find((each) => each === name);
    if (!role) throw usageError(`no role ${quote(name)}`, `one of ${ROLES.join(', ')}`);
    const { user, id, partitions, history } = options;
    if (role !== 'device' && (id ?? partitions ?? history) !== undefined)
      throw usageError('--id, --partitions and --history require the role device');
    const target = await context.target();
    const common: AclOptions = { ...target, ...(user !== undefined && { user }), ...(id && { ids: id }) };
    aclOf(role, common); // checks the ids and the name before anything is connected
    const device = role === 'device' ? await deviceOptions(context, target, options) : null;
    const rules = aclOf(role, { ...common, ...(device && { partitions: device.partitions }) });
    await context.print.one(ACL, { ...rules, device });
    if (!context.print.isHumanReadable) return;
    context.notice('hint: a new user has no password: add >PASSWORD at the end of the line');
    if (!device) return;
    if (device.declared === false)
      context.notice('hint: declare once that devices have logins: devstate init --device-logins');
    context.notice(`hint: the device runs devstate with ${device.commandLine}`);
    context.notice(`hint: to save them: devstate context set NAME --url URL ${device.commandLine}`);
  },
});

/** Returns what the options give, and for the rest what the fleet declares. Connects only if something is not given. */
async function deviceOptions(
  context: Context,
  { namespace, dialect }: { readonly namespace?: string; readonly dialect?: Dialect },
  { partitions, history }: Options,
): Promise<DeviceOptions> {
  const isComplete = partitions !== undefined && history !== undefined && dialect !== undefined;
  const declared = isComplete
    ? { partitions, historyCaps: { reported: history }, dialect, deviceLogins: null }
    : await (await context.fleet()).settings();
  const values = {
    partitions: partitions ?? declared.partitions,
    dialect: declared.dialect,
    historyCap: history ?? declared.historyCaps.reported,
  };
  const words = [
    ...(namespace === undefined ? [] : ['-n', shellWord(namespace)]),
    ...['--role', 'device', '--fleet-partitions', values.partitions],
    ...['--dialect', values.dialect, '--fleet-history', values.historyCap],
  ];
  const commandLine = words.join(' ');
  return { namespace: namespace ?? null, ...values, commandLine, declared: declared.deviceLogins };
}

/** Returns a word that a shell reads as this text. */
function shellWord(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
