// Lists the cases and opens one; what is listed then has it. A wrong question is refused with a problem.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"golang.org/x/oauth2"
	"polyplus/polyplus"
)

func main() {
	settings := polyplus.NewConfiguration()
	settings.Servers = polyplus.ServerConfigurations{{URL: os.Getenv("POLYPLUS_URL")}}
	token := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: os.Getenv("POLYPLUS_TOKEN")})
	caller := context.WithValue(context.Background(), polyplus.ContextOAuth2, token)
	cases := polyplus.NewAPIClient(settings).CasesAPI
	list := func() int {
		page, _, err := cases.ListCases(caller).Limit(200).Execute()
		check(err)
		return len(page.CasePage.Items)
	}

	before := list()
	command := polyplus.NewOpenCase("Camera không lên hình.", "down", "critical", "vi")
	command.SetNoProductReason("serial not at hand")
	opened, _, err := cases.OpenCase(caller).IdempotencyKey(fmt.Sprint(time.Now().UnixNano())).OpenCase(*command).Execute()
	check(err)
	if list() != before+1 {
		log.Fatal("the case is not in the list")
	}
	got, _, err := cases.GetCase(caller, opened.Id).Execute()
	check(err)
	if got.Description != command.Description {
		log.Fatal("the description is another one")
	}

	_, _, err = cases.GetCase(caller, "00000000-0000-0000-0000-000000000001").Execute()
	var refused *polyplus.GenericOpenAPIError
	if !errors.As(err, &refused) {
		log.Fatal("a case that nobody has was found")
	}
	if problem, is := refused.Model().(polyplus.Problem); !is || problem.Status != 404 {
		log.Fatalf("refused with %v", refused.Model())
	}
	fmt.Println("opened", opened.Number)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
