/**
 * Two libraries as the command line needs them at its start; nothing that we call changes.
 *
 * ioredis gives its Commander's prototype a thousand methods, one at a time, and V8 copies the
 * table of those before for each: a third of the start of a command. Deleting a property first
 * turns the prototype into a dictionary, where adding costs the same each time.
 *
 * commander loads node:child_process for subcommands that are programs of their own; ours are not.
 */
const PROTOTYPE = 'Commander.prototype';
const ADDING = 'commands.forEach(function (commandName) {';
const AS_DICTIONARY = `delete ${PROTOTYPE}.constructor;
Object.defineProperty(${PROTOTYPE}, 'constructor', { value: Commander, writable: true, configurable: true });
`;

export const coldStart = {
  name: 'cold-start',
  resolveId(id, importer) {
    return id === 'node:child_process' && /\/commander\/lib\/command\.js$/.test(importer) ? UNUSED : null;
  },
  load(id) {
    return id === UNUSED ? { code: 'export default {};', moduleType: 'js' } : null;
  },
  transform(code, id) {
    if (!/\/ioredis\/built\/utils\/Commander\.js$/.test(id)) return null;
    if (!code.includes(ADDING)) throw new Error('ioredis no longer adds its methods as the plugin expects');
    return code.replace(ADDING, AS_DICTIONARY + ADDING);
  },
};

const UNUSED = '\0unused';
