import { FixedDocument, Problem, problemTexts, problemType } from '#http';
import { Controller, Get, Param } from '@nestjs/common';
import type { ProblemTextEntry } from './answers.js';
import { FixedAnswer } from './documented.js';

const explained = Object.entries(problemTexts).map(([code, text]): ProblemTextEntry => ({
  type: problemType(code),
  code,
  ...text,
}));
const all = document(explained);
const byType = new Map(explained.map((problem) => [problem.type, document(problem)]));

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

function document(body: object): FixedDocument {
  return new FixedDocument('application/json; charset=utf-8', 3600, () => JSON.stringify(body));
}
