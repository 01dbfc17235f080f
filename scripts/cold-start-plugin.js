/**
 * A rolldown plugin that changes two libraries so that the command line starts faster. What they do for
 * their callers stays the same. The build fails if a change can no longer be made, as after an update.
 *
 * ioredis adds about a thousand methods to a prototype, one at a time, and for each of them V8 copies the
 * table of those before: a third of a command's start. Deleting a property first makes V8 store the
 * prototype as a dictionary, to which each method is added in constant time.
 *
 * commander loads node:child_process to run subcommands that are separate programs. devstate has none.
 */
const PROTOTYPE = 'Commander.prototype';
const METHODS_LOOP = 'commands.forEach(function (commandName) {';
const MAKE_DICTIONARY = `delete ${PROTOTYPE}.constructor;
Object.defineProperty(${PROTOTYPE}, 'constructor', { value: Commander, writable: true, configurable: true });
`;
const EMPTY_MODULE = '\0empty-module';

/** The changes that the current build has not made yet: library → what it looks for there. */
const pending = new Map();

export const coldStart = {
  name: 'cold-start',
  buildStart() {
    pending.set('ioredis', 'the loop that adds the methods in built/utils/Commander.js');
    pending.set('commander', 'the import of node:child_process in lib/command.js');
  },
  resolveId(id, importer) {
    if (id !== 'node:child_process' || !/\/commander\/lib\/command\.js$/.test(importer)) return null;
    pending.delete('commander');
    return EMPTY_MODULE;
  },
  load(id) {
    return id === EMPTY_MODULE ? { code: 'export default {};', moduleType: 'js' } : null;
  },
  transform(code, id) {
    if (!/\/ioredis\/built\/utils\/Commander\.js$/.test(id) || !code.includes(METHODS_LOOP)) return null;
    pending.delete('ioredis');
    return code.replace(METHODS_LOOP, MAKE_DICTIONARY + METHODS_LOOP);
  },
  buildEnd(error) {
    if (error || pending.size === 0) return;
    const missing = [...pending].map(([library, change]) => `${library}: ${change}`).join('; ');
    throw new Error(`scripts/cold-start-plugin.js no longer finds what it changes: ${missing}`);
  },
};
