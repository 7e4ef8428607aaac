import { describe, expect, it } from '@jest/globals';
import { addressName, addressOf, proxiesOf } from './remote-address.js';

describe('a remote address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7:4711', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['::ffff:C000:0207', '192.0.2.7'],
    ['0:0:0:0:0:ffff:192.0.2.7', '192.0.2.7'],
    ['0000:0000:0000:0000:0000:ffff:c000:0207', '192.0.2.7'],
    ['[::ffff:192.0.2.7]:4711', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '192.0.2.7'],
    ['64:ff9b::c000:207', '192.0.2.7'],
    ['::ffff:0:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::9', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]', '2001:db8:1:2::/64'],
    ['"[2001:db8:1:2::9]:80"', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s has the name %s', (address, name) => {
    expect(addressName(address)).toBe(name);
  });

  it.each([
    undefined,
    '',
    'unknown',
    '_hidden',
    '1.2.3',
    '127.1',
    '0x7f.0.0.1',
    '01.2.3.4',
    '1.2.3.4:',
    '1.2.3.4:x',
    '1.2.3.4, 5.6.7.8',
    '1.2.3.256',
    '2130706433',
    '::1::2',
    '[::1',
    'localhost',
  ])('%s is none', (text) => {
    expect(addressName(text)).toBeUndefined();
  });

  it('is the last proxy’s, where what it forwards is no address', () => {
    expect(addressOf({ ip: '198.51.100.1:80', ips: ['10.0.0.7', '198.51.100.1:80'] })).toBe('198.51.100.1');
    expect(addressOf({ ip: 'unknown', ips: ['10.0.0.7', '::ffff:10.0.0.8', 'unknown'] })).toBe('10.0.0.8');
    expect(addressOf({ ip: undefined as unknown as string })).toBe('unknown');
  });
});

describe('trusted proxies', () => {
  it('are known in every form of their addresses', () => {
    const isProxy = proxiesOf(['10.0.0.7', '10.1.0.0/16', '::ffff:10.2.0.0/112', '2001:db8::/32', 'fe80::1']);
    if (isProxy === false) throw new Error('there are some');
    const all = [
      ...['10.0.0.7', '::ffff:10.0.0.7', '::ffff:a00:7', '10.0.0.7:4711', '10.1.255.1', '::ffff:10.1.0.1', '10.2.9.9'],
      ...['::ffff:10.2.9.9', '2001:DB8:7::1', '[2001:db8::1]:80', 'fe80::1%eth0'],
    ];
    expect(all.filter((address) => !isProxy(address))).toEqual([]);
    expect(['10.0.0.8', '10.3.0.1', 'fe80::2', 'unknown', '', undefined].filter(isProxy)).toEqual([]);
    expect(proxiesOf([])).toBe(false);
  });
});
