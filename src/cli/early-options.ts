/**
 * The options that decide how an error is printed. They are searched for in argv itself, because usage
 * errors occur before the options are parsed.
 */

/** Whether errors are printed as JSON. */
export function asksForJson(argv: readonly string[]): boolean {
  return beforeDashes(argv).some(
    (arg, i, options) =>
      arg === '--json' ||
      /^(-o|--output=)(json|ndjson)$/.test(arg) ||
      ((arg === '-o' || arg === '--output') && /^(json|ndjson)$/.test(options[i + 1] ?? '')),
  );
}

/** Whether hints are left out. */
export function asksForQuiet(argv: readonly string[]): boolean {
  return beforeDashes(argv).some((arg) => arg === '-q' || arg === '--quiet');
}

/** Whether stack traces are printed: `-vv`, or `--verbose` twice. */
export function asksForTraces(argv: readonly string[]): boolean {
  const options = beforeDashes(argv);
  const single = options.filter((arg) => arg === '-v' || arg === '--verbose');
  return single.length > 1 || options.some((arg) => /^-v{2,}$/.test(arg));
}

/** Arguments after `--` are not options. */
function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return end === -1 ? argv : argv.slice(0, end);
}
