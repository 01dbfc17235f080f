/** `devstate acl ROLE`: prints an ACL SETUSER command for a role. Connects to no server. */
import { type Acl, aclOf, ROLES } from '../../core/admin/acl-roles.js';
import { quote, usageError } from '../../core/model/errors.js';
import { validId } from '../../core/model/identifiers.js';
import type { View } from '../../output/view.js';
import { command } from '../shared/command.js';
import { pickFields } from '../shared/pick-fields.js';

interface Options {
  user?: string;
  id?: string[];
}

const fields = ['role', 'user', 'line', 'commands', 'keys', 'channels'] as const;
const ACL: View<Acl> = {
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
  ],
  examples: [
    'devstate acl viewer',
    'devstate acl device --user gateway-7 -n acme',
    'devstate acl device --user gateway-7 --id gateway-7 --id sensor-001',
    'devstate acl detector --json',
  ],
  async run(context, [name = ''], { user, id }) {
    const role = ROLES.find((each) => each === name);
    if (!role) throw usageError(`no role ${quote(name)}`, `one of ${ROLES.join(', ')}`);
    if (id && role !== 'device') throw usageError('--id requires the role device');
    const target = await context.target();
    const rules = aclOf(role, { ...target, ...(user !== undefined && { user }), ...(id && { ids: id }) });
    await context.print.one(ACL, rules);
    if (!context.print.isHumanReadable) return;
    context.notice('hint: a new user has no password: add >PASSWORD at the end of the line');
    if (role === 'device')
      context.notice(
        'hint: it needs a fleet that was declared with devstate init, or --dialect with each command',
      );
  },
});
