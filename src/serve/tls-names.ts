/** What Go's crypto/tls, whose names a web configuration file has, calls otherwise than OpenSSL; and the names in a certificate. */
import type {X509Certificate} from 'node:crypto';
import {isIP} from 'node:net';

/** Of TLS 1.3; no configuration chooses among them in Go, nor here. */
const suitesOfTls13 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];
/** Those that Go has by the names of IANA, without the ones it calls insecure. */
const suites: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
};
const curves: Readonly<Record<string, string>> = {
  CurveP256: 'P-256',
  CurveP384: 'P-384',
  CurveP521: 'P-521',
  X25519: 'X25519',
};

/** Every cipher suite that may be named. */
export const suiteNames: readonly string[] = [...suitesOfTls13, ...Object.keys(suites)];
/** Every curve that may be named. */
export const curveNames: readonly string[] = Object.keys(curves);

/** OpenSSL's list for some of `suiteNames`: those of TLS 1.2 among them, and all of TLS 1.3. */
export function cipherList(names: readonly string[]): string {
  return [...suitesOfTls13, ...names.flatMap((name) => suites[name] ?? [])].join(':');
}

/** OpenSSL's list for some of `curveNames`. */
export function curveList(names: readonly string[]): string {
  return names.map((name) => curves[name]).join(':');
}

/** Whether one of these is a DNS name, an IP address, an e-mail address or a URI that the certificate is for, letter for letter. */
export function isFor(cert: X509Certificate, names: readonly string[]): boolean {
  const own = alternativeNames(cert.subjectAltName ?? '');
  return names.some((name) => own.includes(name) || (isIP(name) > 0 && cert.checkIP(name) !== undefined));
}

/** `DNS:a, URI:"b\u002c c"`, as Node writes what has a comma or more of that kind: a, "b, c" */
function alternativeNames(text: string): readonly string[] {
  return [...text.matchAll(/([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/gy)]
    .filter(([, kind = '']) => ['DNS', 'URI', 'email'].includes(kind))
    .map(([, , value = '']) => (value.startsWith('"') ? String(JSON.parse(value)) : value));
}
