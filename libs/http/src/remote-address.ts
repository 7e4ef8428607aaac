import { BlockList, isIP, isIPv4 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

/**
 * The name of the machine that a request comes from, for counting. One machine has one name, however its address is
 * written. What a trusted proxy forwards and is no address is a client's invention, or a proxy's word such as `unknown`
 * (RFC 7239, 6.2): then the proxy itself is counted.
 */
export function addressOf({ ip, ips }: Pick<FastifyRequest, 'ip' | 'ips'>): string {
  const name = addressName(ip);
  if (name !== undefined) return name;
  return ips?.map(addressName).findLast((known) => known !== undefined) ?? 'unknown';
}

const mapped = '::ffff:';

/** The name of an address: in IPv6 its /64, because one sender usually has all of it. Undefined for what is no address. */
export function addressName(text: string | undefined): string | undefined {
  // The usual cases, which every request asks for: IPv4 in its only spelling, and as a socket for both versions writes it.
  if (text === undefined || isIPv4(text)) return text;
  if (text.startsWith(mapped) && isIPv4(text.slice(mapped.length))) return text.slice(mapped.length);
  const address = addressIn(text);
  if (!address || address instanceof ipaddr.IPv4) return address?.toString();
  const [a, b, c, d] = address.parts.map((part) => part.toString(16));
  return `${a}:${b}:${c}:${d}::/64`;
}

/**
 * Whether an address is one of these proxies. Each is an address or a network, and may be written in any form.
 * `false` for none, as Fastify takes it.
 */
export function proxiesOf(networks: readonly string[]): false | ((address: string | undefined) => boolean) {
  if (networks.length === 0) return false;
  const list = new BlockList();
  for (const network of networks) {
    const { address, bits } = networkIn(network)!;
    list.addSubnet(address.toString(), bits, address.kind());
  }
  return (text) => {
    const address = addressIn(text);
    return address !== undefined && list.check(address.toString(), address.kind());
  };
}

/** Whether the text is an address or a network that {@link proxiesOf} takes. */
export function isNetwork(text: string): boolean {
  return networkIn(text) !== undefined;
}

function networkIn(text: string) {
  const [start = '', length] = text.split('/');
  const address = isIP(start) === 0 ? undefined : addressIn(start);
  if (!address) return undefined;
  // A network of IPv4-mapped addresses is one of IPv4. A shorter prefix would trust every address there is.
  const given = address.kind() === 'ipv4' && start.includes(':') ? 96 : 0;
  const whole = address.kind() === 'ipv4' ? 32 : 128;
  const bits = length === undefined ? whole : Number(length) - given;
  return bits >= 0 && bits <= whole ? { address, bits } : undefined;
}

/** Some proxies add the port (and then brackets), and RFC 7239 quotes that. */
const withPort = /^"?(?:\[([^\]]*)\]|([\d.]+)(?=:))(?::\d{1,5})?"?$/;
/** RFC 6052 and RFC 6145: an IPv4 address as a translator writes it. */
const translated: readonly string[] = ['rfc6052', 'rfc6145'];

function addressIn(text: string | undefined) {
  if (text === undefined) return undefined;
  const [, bracketed, dotted = text] = withPort.exec(text) ?? [];
  const plain = (bracketed ?? dotted).replace(/%.*$/, '');
  // Stricter than the library, which takes octal and hexadecimal numbers, and shortened forms.
  if (isIP(plain) === 0) return undefined;
  const address = ipaddr.parse(plain);
  if (address instanceof ipaddr.IPv4) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  return translated.includes(address.range()) ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address;
}
