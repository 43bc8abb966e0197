import java.net.http.HttpClient;
import java.util.UUID;
import polyplus.ApiClient;
import polyplus.ApiException;
import polyplus.api.CasesApi;
import polyplus.model.OpenCase;
import polyplus.model.OpenedCase;

/** Lists the cases and opens one; what is listed then has it. A wrong question is refused with a problem. */
class Use {
  public static void main(String[] arguments) throws ApiException {
    ApiClient client = new ApiClient();
    // By itself it asks a server without TLS to go over to HTTP/2; a plain uvicorn then loses the body.
    client.setHttpClientBuilder(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1));
    client.updateBaseUri(System.getenv("POLYPLUS_URL"));
    client.setRequestInterceptor(
        request -> request.header("Authorization", "Bearer " + System.getenv("POLYPLUS_TOKEN")));
    CasesApi cases = new CasesApi(client);

    int before = list(cases);
    OpenCase command =
        new OpenCase()
            .description("Camera không lên hình.")
            .observedImpact(OpenCase.ObservedImpactEnum.DOWN)
            .severity(OpenCase.SeverityEnum.CRITICAL)
            .language(OpenCase.LanguageEnum.VI)
            .noProductReason("serial not at hand");
    OpenedCase opened =
        cases.openCase(
            CasesApi.APIOpenCaseRequest.newBuilder()
                .idempotencyKey(UUID.randomUUID().toString())
                .openCase(command)
                .build());
    check(list(cases) == before + 1, "the case is not in the list");
    check(
        cases.getCase(CasesApi.APIGetCaseRequest.newBuilder().caseId(opened.getId()).build())
            .getDescription()
            .equals(command.getDescription()),
        "the description is another one");
    try {
      cases.getCase(CasesApi.APIGetCaseRequest.newBuilder().caseId(new UUID(0, 1)).build());
      check(false, "a case that nobody has was found");
    } catch (ApiException refused) {
      check(refused.getCode() == 404, "refused with " + refused.getCode());
    }
    System.out.println("opened " + opened.getNumber());
  }

  private static int list(CasesApi cases) throws ApiException {
    return cases
        .listCases(CasesApi.APIListCasesRequest.newBuilder().limit(200).build())
        .getCasePage()
        .getItems()
        .size();
  }

  private static void check(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalStateException(otherwise);
    }
  }
}
