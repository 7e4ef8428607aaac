/** Countries and regions of ISO 3166-1 alpha-2 by the sales region that they are in. */
export type SalesRegions = Readonly<Record<string, readonly string[]>>;

const countries = (codes: string): readonly string[] => codes.trim().split(/\s+/);

/**
 * The sales regions of a partner's location (rule R26a): a partner sells to customers in the whole of its region. A
 * country in none of them is a region of its own. The source says so of Brazil, China, India, Japan, Korea and Taiwan.
 *
 * Source: Partner Center, "Cloud Solution Provider program regional markets and currencies where you can sell CSP
 * offers" (regional-authorization-overview.md), as of 2023-08-17. It names countries in English; the codes are ours:
 * Bonaire, Saba and Sint Eustatius share one code (BQ), Kosovo is XK, which ISO leaves to its users. Its text speaks of
 * 18 countries in Africa, but its list has these 47; we follow the list.
 */
export const salesRegionsOf2023: SalesRegions = {
  Africa: countries(`
    AO BJ BW BF BI CM CV CF TD KM CG CD CI DJ GQ ER ET PF GA GM GH GN GW KE LR MG MW ML MU YT NA NC NE NG RE RW ST
    SN SC SL SO SS SH TZ TG UG ZM
  `),
  'Asia and Pacific': countries('BD BT BN KH HK ID LA MO MY MV MM NP PH SG LK TH TL VN'),
  Australia: countries('AU CX CC CK FJ TF HM KI MH FM NR NU NF PW PG PN SB TK TO TV WF'),
  Canada: countries('CA PM'),
  Europe: countries(`
    AX AD AT BE BV BG HR CY CZ DK EE FO FI FR DE GI GR GL GG HU IS IE IM IT JE LV LI LT LU MT MC NL NO PL PT RO SM
    SK SI ES SJ SE CH GB VA
  `),
  'Latin America and the Caribbean': countries(`
    AI AQ AG AR AW BS BB BZ BM BO BQ VG KY CL CO CR CW DM DO EC SV FK GF GD GP GT GY HT HN JM MQ MX MS NI PA PY PE
    PR BL KN LC MF VC SX GS SR TT TC UY VE VI
  `),
  'Middle East, Central Europe, and Eastern Europe': countries(`
    AF AL DZ AM AZ BH BA IO EG GE IQ IL JO KZ XK KW KG LB LS LY MR MD MN ME MA MZ MK OM PK PS QA SA RS ZA SZ TJ TN
    TR TM UA AE UZ YE ZW
  `),
  'New Zealand': countries('NZ WS VU'),
  'United States': countries('AS GU MP US UM'),
};

/** The region of a country: by the ledger's own configuration, else by the policy, else the country alone. */
export function salesRegionOf(country: string, regions: SalesRegions, own: SalesRegions = {}): string {
  const within = (some: SalesRegions) => Object.keys(some).find((region) => some[region]!.includes(country));
  return within(own) ?? within(regions) ?? country;
}
