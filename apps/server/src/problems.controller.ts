import { Answer, Problem, problemTexts, problemType } from '#http';
import { Controller, Get, Param } from '@nestjs/common';

const byName = new Map(Object.entries(problemTexts).map(([code, text]) => [problemType(code), { code, ...text }]));

/** What the `type` of a problem leads to. */
@Controller('problems')
export class ProblemsController {
  @Get()
  all() {
    return explained([...byName].map(([type, problem]) => ({ type, ...problem })));
  }

  @Get(':name')
  one(@Param('name') name: string) {
    const type = `/problems/${name}`;
    const problem = byName.get(type);
    if (!problem) throw new Problem('RouteNotFound');
    return explained({ type, ...problem });
  }
}

function explained(body: object): Answer {
  return new Answer(200, { 'Cache-Control': 'public, max-age=3600' }, body);
}
