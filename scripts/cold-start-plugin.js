/**
 * A rolldown plugin that changes two libraries so that the command line starts faster. What they do for
 * their callers stays the same. If a change no longer fits its library, as after an update, the build fails.
 *
 * ioredis adds about a thousand methods to a prototype, one at a time, and for each of them V8 copies the
 * table of those before: a third of a command's start. Deleting a property first makes V8 store the
 * prototype as a dictionary, to which each method is added in constant time.
 *
 * commander loads node:child_process to run subcommands that are separate programs. devstate has none.
 */
import { StageError } from './stage.js';

const METHODS_LOOP = 'commands.forEach(function (commandName) {';
const MAKE_DICTIONARY = `delete Commander.prototype.constructor;
Object.defineProperty(Commander.prototype, 'constructor', { value: Commander, writable: true, configurable: true });
`;
const CHILD_PROCESS = "const childProcess = require('node:child_process');\n";
/** How commander runs a subcommand that is a program. */
const RUN_PROGRAM = /proc = childProcess\.spawn\(/g;

/** The changes; their form is in cold-start-plugin.d.ts. */
export const patches = [
  {
    name: 'ioredis, a dictionary of methods',
    file: /\/node_modules\/ioredis\/built\/utils\/Commander\.js$/,
    fits: (code) => occursOnce(code, METHODS_LOOP) && occursOnce(code, 'class Commander {'),
    change: (code) => code.replace(METHODS_LOOP, MAKE_DICTIONARY + METHODS_LOOP),
  },
  {
    name: 'commander, without node:child_process',
    file: /\/node_modules\/commander\/lib\/command\.js$/,
    // Nothing but the start of a program may use the module.
    fits: (code) =>
      occursOnce(code, CHILD_PROCESS) &&
      !/child_?process/i.test(code.replace(CHILD_PROCESS, '').replace(RUN_PROGRAM, '')),
    change: (code) => code.replace(CHILD_PROCESS, 'const childProcess = undefined;\n'),
  },
];

function occursOnce(code, text) {
  return code.split(text).length === 2;
}

/** @returns the changed source @throws StageError: the patch does not fit the source */
export function applyPatch({ name, fits, change }, code) {
  if (!fits(code)) throw misfit(name, 'the source of the library has changed');
  return change(code);
}

/** Returns the plugin for one build. */
export function coldStart() {
  const pending = new Set(patches);
  return {
    name: 'cold-start',
    transform(code, id) {
      const patch = patches.find(({ file }) => file.test(id));
      if (patch === undefined) return null;
      pending.delete(patch);
      return applyPatch(patch, code);
    },
    buildEnd(error) {
      const [missing] = pending;
      if (!error && missing) throw misfit(missing.name, 'the build has no such file of the library');
    },
  };
}

function misfit(name, reason) {
  return new StageError(`scripts/cold-start-plugin.js: the patch "${name}" no longer fits: ${reason}`);
}
