/** `devstate context ACTION`: names for servers, with the options to reach them, kept in a file. */
import { quote, usageError } from '../../core/model/errors.js';
import { command } from '../shared/command.js';
import type { Context } from '../shared/context.js';
import { CONTEXT, CONTEXT_REMOVED, CONTEXT_SET, CONTEXT_USED } from './context-view.js';

/** The fields of a context that `--unset` can remove. */
const OPTIONAL_FIELDS = [
  'namespace',
  'dialect',
  'readOnly',
  'ca',
  'cert',
  'key',
  'insecure',
  'role',
  'partitions',
  'historyCap',
] as const;

type OptionalField = (typeof OPTIONAL_FIELDS)[number];

interface Options {
  protected?: boolean;
  unset?: OptionalField[];
}

type Action = (context: Context, name: string, options: Options) => Promise<void>;

const list: Action = async ({ print, contexts }) => {
  print.check(CONTEXT);
  await print.list(CONTEXT, await (await contexts()).list());
};

const use: Action = async ({ print, contexts, env, notice }, name) => {
  print.check(CONTEXT_USED);
  await print.one(CONTEXT_USED, await (await contexts()).use(name));
  const override = ['DEVSTATE_URL', 'REDIS_URL'].find((variable) => env[variable]);
  if (override !== undefined) notice(`${override} is set and takes precedence over the current context`);
};

const show: Action = async ({ print, contexts }, name: string | undefined) => {
  print.check(CONTEXT);
  await print.one(CONTEXT, await (await contexts()).get(name));
};

const set: Action = async ({ print, contexts }, name, { unset = [], ...changes }) => {
  print.check(CONTEXT_SET);
  await print.one(CONTEXT_SET, await (await contexts()).set(name, { ...changes, unset }));
};

const remove: Action = async ({ print, contexts }, name) => {
  print.check(CONTEXT_REMOVED);
  await (await contexts()).remove(name);
  await print.one(CONTEXT_REMOVED, { name, removed: true });
};

const ACTIONS = { list, use, show, set, remove };

export const context = command<Options>({
  name: 'context',
  group: 'Tools',
  summary: 'Manage named servers: URL, namespace, dialect, certificates and write protection',
  arguments: [
    { name: 'action', summary: 'what to do', required: true, values: Object.keys(ACTIONS) },
    { name: 'name', summary: 'the context' },
  ],
  options: [
    { flags: '--protected', summary: 'set: ask before writes to several devices' },
    { flags: '--no-protected', summary: 'set: do not ask before writes to several devices' },
    {
      flags: '--unset <field>',
      summary: 'set: remove this field',
      values: OPTIONAL_FIELDS,
      parse: parseField,
      repeat: true,
    },
  ],
  examples: [
    'devstate context set prod --url rediss://ops@db:6379 -n acme --ca ca.pem --protected',
    'devstate context use prod',
    'devstate list --context prod',
    'devstate context set prod --read-only --unset namespace',
  ],
  async run(context, [action = '', name], options) {
    const perform = Object.hasOwn(ACTIONS, action) ? ACTIONS[action as keyof typeof ACTIONS] : undefined;
    if (!perform)
      throw usageError(`unknown action ${quote(action)}`, `one of ${Object.keys(ACTIONS).join(', ')}`);
    if (action !== 'set' && Object.keys(options).length > 0)
      throw usageError('--protected and --unset require context set');
    if (action === 'list' && name !== undefined)
      throw usageError('list takes no name', 'devstate context show NAME');
    if (action !== 'list' && action !== 'show' && name === undefined)
      throw usageError('a name is required', `devstate context ${action} NAME`);
    await perform(context, name as string, options);
  },
});

function parseField(text: string): OptionalField {
  const field = OPTIONAL_FIELDS.find((each) => each === text);
  if (field === undefined)
    throw usageError(`no field ${quote(text)}`, `one of ${OPTIONAL_FIELDS.join(', ')}`);
  return field;
}
