/** Not a URL: it would become a path on this machine, be created there, and be shown with any password in it. */
export const path = /^(?![\w+.-]+:\/\/)\P{Cc}{1,4096}$/u;
