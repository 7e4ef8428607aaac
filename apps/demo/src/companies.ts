import { randomFor } from './random.js';

// Invented: every name is made of these parts, and domains under `.example` are reserved (RFC 2606).

const firstWords =
  `Alder Amber Anchor Aspen Beacon Birch Bluebell Bramble Briar Cedar Cinder Clover Copper Coral Crane Dapple
Drift Ember Fallow Fern Flint Foxglove Garnet Glen Hazel Heather Heron Ivory Jasper Juniper Kestrel Lantern Larch Lark
Linden Lupin Maple Marble Marsh Meadow Mistral Nettle Oak Opal Orchard Osprey Otter Pebble Pine Quarry Quill Raven Reed
Rowan Saffron Sage Sorrel Sparrow Tansy Thistle`.split(/\s+/);
const secondWords =
  `bank bridge brook by cliff cote dale den fell field ford gate grove ham haven hill holt hurst lea ley mere mill
moor mouth ness port ridge shaw shore side stead stone ton vale view wade water well wick wold wood worth yard`.split(
    /\s+/,
  );
const trades =
  `Logistics|Dental Group|Architects|Veterinary Clinic|Insurance Brokers|Bakery|Freight|Legal|Engineering|Optics
|Nurseries|Foods|Robotics|Textiles|Marine|Pharmacy|Printers|Wind Power|Schools Trust|Furniture|Breweries|Surveyors|Film Works
|Cycle Works|Housing Association|Laboratories|Tea Traders|Roofing|Theatre|Seed Company`
    .split('|')
    .map((trade) => trade.trim());

export interface Company {
  readonly name: string;
  readonly domain: string;
}

/** The company at a place in the seed's list; names repeat only after 77,400 companies, and then with a number. */
export function companyAt(seed: string, index: number): Company {
  const stems = firstWords.length * secondWords.length;
  // A step that shares no factor with the number of stems visits every one of them before any comes again.
  const stem = (randomFor(`${seed}/companies`).between(0, stems - 1) + index * 1_009) % stems;
  const round = Math.floor(index / stems);
  const trade = trades[(Math.floor(stem / 7) + round) % trades.length]!;
  const again = Math.floor(round / trades.length);
  const place = `${firstWords[stem % firstWords.length]!}${secondWords[Math.floor(stem / firstWords.length)]!}`;
  const name = `${place} ${trade}${again > 0 ? ` ${again + 1}` : ''}`;
  return { name, domain: `${name.toLowerCase().replaceAll(' ', '-')}.example` };
}
