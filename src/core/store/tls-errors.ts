/**
 * Recognizes errors of TLS by the `code` that Node.js gives them. The code says what is wrong with the server's
 * certificate (the X509_V_ERR names of OpenSSL), or which alert the server sent, for example because it refuses the
 * client's certificate.
 */
import type { ErrorReason } from '../model/error-reasons.js';

const PROBLEMS: readonly (readonly [code: RegExp, message: string, reason: ErrorReason])[] = [
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT\w*))$/,
    "the server's certificate is not signed by a trusted authority",
    'TLS_UNTRUSTED',
  ],
  [/^CERT_HAS_EXPIRED$/, "the server's certificate has expired", 'TLS_EXPIRED'],
  [/^CERT_NOT_YET_VALID$/, "the server's certificate is not valid yet", 'TLS_NOT_YET_VALID'],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, "the server's certificate is for another name", 'TLS_WRONG_NAME'],
  [
    /ALERT_CERTIFICATE_REQUIRED$/,
    'the server asks for a client certificate',
    'TLS_CLIENT_CERTIFICATE_REQUIRED',
  ],
  [
    /ALERT_(UNKNOWN_CA|\w*CERTIFICATE\w*)$/,
    'the server refuses the client certificate',
    'TLS_CLIENT_CERTIFICATE_REFUSED',
  ],
  // With TLS 1.2 a server sends HANDSHAKE_FAILURE for many causes, also for a missing client certificate, so the
  // message names no cause.
  [/ALERT_HANDSHAKE_FAILURE$/, 'the server refuses the TLS handshake', 'TLS_HANDSHAKE_REFUSED'],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_LAYER_FAILURE)$/,
    'the server does not use TLS on this port',
    'TLS_NOT_SUPPORTED',
  ],
];

/** Returns in a few words what went wrong with TLS, and the reason if it is known; null: it is not an error of TLS. */
export function tlsProblem(error: Error): { message: string; reason?: ErrorReason } | null {
  const { code = '', reason } = error as NodeJS.ErrnoException & { reason?: string };
  const known = PROBLEMS.find(([pattern]) => pattern.test(code));
  if (known) return { message: `TLS: ${known[1]}`, reason: known[2] };
  if (!/^(ERR_TLS|ERR_SSL|CERT_|CRL_|UNABLE_TO)/.test(code)) return null;
  return { message: `TLS: ${reason ?? error.message.split('\n', 1)[0]}` };
}
