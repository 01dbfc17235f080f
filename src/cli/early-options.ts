/**
 * Finds the options that decide how an error is printed. They are looked for in argv itself, because usage errors
 * occur before the options are parsed.
 */

/** Returns whether argv asks for JSON output, so that errors are printed as JSON too. */
export function asksForJson(argv: readonly string[]): boolean {
  return beforeDashes(argv).some(
    (arg, i, options) =>
      arg === '--json' ||
      /^(-o|--output=)(json|ndjson)$/.test(arg) ||
      ((arg === '-o' || arg === '--output') && /^(json|ndjson)$/.test(options[i + 1] ?? '')),
  );
}

/** Returns whether argv has `-q` or `--quiet`, so that errors are printed without hints. */
export function asksForQuiet(argv: readonly string[]): boolean {
  return beforeDashes(argv).some((arg) => arg === '-q' || arg === '--quiet');
}

/** Returns whether argv asks for the stack traces of errors: `-vv`, or `--verbose` twice. */
export function asksForTraces(argv: readonly string[]): boolean {
  const options = beforeDashes(argv);
  const single = options.filter((arg) => arg === '-v' || arg === '--verbose');
  return single.length > 1 || options.some((arg) => /^-v{2,}$/.test(arg));
}

/** Returns the arguments before `--`: those after it are not options. */
function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}
