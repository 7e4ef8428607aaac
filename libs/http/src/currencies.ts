/**
 * The currencies and funds of ISO 4217 that are in force: "List one" of the maintenance agency (SIX, on behalf of ISO;
 * https://www.six-group.com/en/products-services/financial-information/market-reference-data/data-standards.html) as of
 * 2026-01-01, after the kuna (HRK), the Zimbabwe dollar of 2009 (ZWL), the Antillean guilder (ANG) and the lev (BGN)
 * were withdrawn. `Intl.supportedValuesOf('currency')` is another list: it keeps some that were withdrawn, and lacks
 * the funds. The codes for testing (XTS) and for no currency (XXX) are left out: nothing is paid in them.
 */
export const currencies: ReadonlySet<string> = new Set(
  (
    'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW ' +
    'CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL ' +
    'HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA ' +
    'MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD ' +
    'RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD ' +
    'USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XUA YER ZAR ' +
    'ZMW ZWG'
  ).split(' '),
);
