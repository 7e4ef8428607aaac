import { FixedDocument, Problem, problemTexts, problemType } from '#http';
import { Controller, Get, Param } from '@nestjs/common';
import type { ProblemTextEntry } from './answers.js';
import { FixedAnswer } from './documented.js';

const codes = Object.keys(problemTexts);
const all = document((publicPath) => codes.map((code) => explained(code, publicPath)));
const byType = new Map(codes.map((code) => [problemType(code), document((publicPath) => explained(code, publicPath))]));

/** Explains problems, at the paths that their `type` names. */
@Controller('problems')
export class ProblemsController {
  @Get()
  @FixedAnswer('ProblemTexts', { id: 'listProblems', summary: 'List every problem', says: 'Every problem.' })
  all() {
    return all;
  }

  @Get(':name')
  @FixedAnswer('ProblemText', {
    id: 'getProblem',
    summary: 'Read what a problem means',
    says: 'What the problem means.',
  })
  one(@Param('name') name: string) {
    const problem = byType.get(`/problems/${name}`);
    if (!problem) throw new Problem('RouteNotFound');
    return problem;
  }
}

function explained(code: string, publicPath: string): ProblemTextEntry {
  return { type: publicPath + problemType(code), code, ...problemTexts[code]! };
}

function document(bodyAt: (publicPath: string) => object): FixedDocument {
  return new FixedDocument('application/json; charset=utf-8', 3600, (publicPath) => JSON.stringify(bodyAt(publicPath)));
}
