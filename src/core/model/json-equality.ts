/** Equality of parsed JSON values. The order of an object's keys makes no difference. */
import { isJsonObject, isLosslessNumber, type Json } from './json.js';

/** Returns whether two JSON values are equal. The numbers 1, 1.0 and 1e0 are equal. */
export function jsonEqual(a: Json, b: Json): boolean {
  if (isLosslessNumber(a)) {
    return (
      isLosslessNumber(b) && (a.value === b.value || canonicalNumber(a.value) === canonicalNumber(b.value))
    );
  }
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => jsonEqual(item, b[i] as Json));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && jsonEqual(a[key] as Json, b[key] as Json))
  );
}

/**
 * Returns a number in the one spelling that all equal numbers have, without rounding: sign, digits without zeros at
 * either end, exponent. `10`, `1e1` and `1.0e1` give `1e1`.
 */
export function canonicalNumber(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  if (digits === '') return '0';
  const significant = withoutTrailingZeros(digits);
  const scale = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${scale}`;
}

/**
 * Returns the digits up to the last that is not 0. This is a loop, because a pattern such as /0+$/ would take quadratic
 * time on a long number.
 */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end -= 1;
  return digits.slice(0, end);
}
